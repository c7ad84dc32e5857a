//! Pages that links of letters lead to, and the registration of a company.

use crate::frame::Frame;
use askama::Template;

/// `/password/forgot/`.
#[derive(Template)]
#[template(path = "account/forgot.html")]
pub struct Forgot<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// The letter was asked for.
    pub sent: bool,
    /// Address that was typed before.
    pub email: &'a str,
    /// What is wrong.
    pub wrong: &'a str,
}

/// `/account/reset/` and `/account/verify/`: the code of a letter, and a password.
#[derive(Template)]
#[template(path = "account/code.html")]
pub struct Code<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Address of the form.
    pub action: &'a str,
    /// What the form does.
    pub lead: &'a str,
    /// The password is a new one.
    pub is_new: bool,
    /// Code that was sent before.
    pub token: &'a str,
    /// What is wrong.
    pub wrong: &'a str,
}

/// `/account/invitation/`.
#[derive(Template)]
#[template(path = "account/invitation.html")]
pub struct Invitation<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Code of the letter.
    pub token: &'a str,
    /// The invitation, once its code is known.
    pub shown: Option<Shown>,
    /// What is wrong.
    pub wrong: &'a str,
}

/// An invitation.
#[derive(Debug)]
pub struct Shown {
    /// Name of the company.
    pub company: String,
    /// Role that it offers.
    pub role: String,
    /// Address that was invited.
    pub email: String,
    /// The address has an account.
    pub has_account: bool,
    /// The visitor is signed in.
    pub signed_in: bool,
}

/// `/subscription/register/`.
#[derive(Template)]
#[template(path = "account/register.html")]
pub struct Register<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Plans on offer.
    pub plans: &'a [Plan],
    /// The visitor is signed in, and needs no account.
    pub signed_in: bool,
    /// What was typed before: name of field and value.
    pub typed: &'a [(String, String)],
    /// What is wrong: name of field and reason.
    pub wrong: &'a [(String, String)],
}

/// A plan on offer.
#[derive(Debug)]
pub struct Plan {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Price, in words.
    pub price: String,
    /// What it contains, in words.
    pub contents: Vec<String>,
    /// It is chosen.
    pub chosen: bool,
}

impl Register<'_> {
    fn typed(&self, field: &str) -> &str {
        self.typed.iter().find(|(name, _)| name == field).map_or("", |(_, value)| value)
    }

    fn wrong(&self, field: &str) -> &str {
        self.wrong.iter().find(|(name, _)| name == field).map_or("", |(_, reason)| reason)
    }
}
