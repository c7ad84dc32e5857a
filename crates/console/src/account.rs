//! Pages of a person, in no company: sign in, choose a company, the own account.

use crate::frame::{Frame, LocaleForm, Theme};
use askama::Template;

/// `/login/`.
#[derive(Template)]
#[template(path = "account/login.html")]
pub struct Login<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Address that was typed before.
    pub email: &'a str,
    /// Company that was typed before.
    pub company: &'a str,
    /// Page to go on to.
    pub next: &'a str,
    /// Why the last try was refused.
    pub refused: Option<&'a str>,
}

/// `/companies/`.
#[derive(Template)]
#[template(path = "account/companies.html")]
pub struct Companies<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Companies of the person.
    pub companies: &'a [Choice],
}

/// A company that a person may enter.
#[derive(Debug)]
pub struct Choice {
    /// Name.
    pub name: String,
    /// Slug.
    pub slug: String,
    /// Role of the person.
    pub role: String,
    /// The person works in it now.
    pub current: bool,
}

/// `/account/`.
#[derive(Template)]
#[template(path = "account/account.html")]
pub struct Account<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Name.
    pub name: &'a str,
    /// Address.
    pub email: &'a str,
    /// The address is confirmed.
    pub confirmed: bool,
    /// Sessions of the person.
    pub sessions: &'a [Session],
    /// Language and time zone.
    pub locale: &'a LocaleForm,
    /// What is wrong with the name.
    pub wrong_name: Option<&'a str>,
    /// What is wrong with the old password.
    pub wrong_old: Option<&'a str>,
    /// What is wrong with the new password.
    pub wrong_new: Option<&'a str>,
}

/// A session of a person.
#[derive(Debug)]
pub struct Session {
    /// Id.
    pub id: i64,
    /// Browser and system, in words.
    pub agent: String,
    /// Network address.
    pub address: String,
    /// When it began.
    pub created: String,
    /// When it was last used.
    pub seen: String,
    /// It is this one.
    pub current: bool,
    /// Staff of the platform act as the person in it.
    pub support: bool,
}

impl Account<'_> {
    fn themes(&self) -> [(Theme, &'static str); 3] {
        Theme::ALL
    }
}
