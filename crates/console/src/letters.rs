//! Pages to which links in letters lead, and the registration of a company.

use crate::frame::Frame;
use askama::Template;

/// Page `/password/forgot/`: the request for a new password.
#[derive(Template)]
#[template(path = "account/forgot.html")]
pub struct Forgot<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// True once the letter has been requested.
    pub sent: bool,
    /// Typed e-mail address.
    pub email: &'a str,
    /// Reason why the form was refused.
    pub wrong: &'a str,
}

/// Pages `/account/reset/` and `/account/verify/`: a form for the code of a letter and a password.
#[derive(Template)]
#[template(path = "account/code.html")]
pub struct Code<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Address to which the form is sent.
    pub action: &'a str,
    /// Text that says what the form does.
    pub lead: &'a str,
    /// True if the form sets a new password, and false if it asks for the current one.
    pub is_new: bool,
    /// Code of the previous attempt.
    pub token: &'a str,
    /// Reason why the form was refused.
    pub wrong: &'a str,
}

/// Page `/account/invitation/`: the answer to an invitation.
#[derive(Template)]
#[template(path = "account/invitation.html")]
pub struct Invitation<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Code from the letter.
    pub token: &'a str,
    /// The invitation, once its code is known.
    pub shown: Option<Shown>,
    /// Reason why the code or the answer was refused.
    pub wrong: &'a str,
}

/// An invitation.
#[derive(Debug)]
pub struct Shown {
    /// Name of the company.
    pub company: String,
    /// Offered role.
    pub role: String,
    /// Invited e-mail address.
    pub email: String,
    /// True if the address has an account.
    pub has_account: bool,
    /// True if the visitor is signed in.
    pub signed_in: bool,
}

/// Page `/subscription/register/`: the registration of a company.
#[derive(Template)]
#[template(path = "account/register.html")]
pub struct Register<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Plans that can be chosen.
    pub plans: &'a [Plan],
    /// True if the visitor is signed in, and so needs no new account.
    pub signed_in: bool,
    /// Typed values: name of the field, and value.
    pub typed: &'a [(String, String)],
    /// Refused values: name of the field, and reason.
    pub wrong: &'a [(String, String)],
}

/// A plan on offer.
#[derive(Debug)]
pub struct Plan {
    /// Code of the plan.
    pub code: String,
    /// Display name of the plan.
    pub name: String,
    /// Price in words.
    pub price: String,
    /// Contents of the plan, in words.
    pub contents: Vec<String>,
    /// True for the chosen plan.
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
