//! Pages of a user outside any company: sign-in, choice of a company, the account.

use crate::frame::{Frame, LocaleForm, Theme};
use askama::Template;

/// Page `/login/`: the sign-in form.
#[derive(Template)]
#[template(path = "account/login.html")]
pub struct Login<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// E-mail address from the previous attempt.
    pub email: &'a str,
    /// Company from the previous attempt.
    pub company: &'a str,
    /// Address of the page after the sign-in.
    pub next: &'a str,
    /// Reason why the previous attempt was refused.
    pub refused: Option<&'a str>,
}

/// Page `/companies/`: the choice of a company.
#[derive(Template)]
#[template(path = "account/companies.html")]
pub struct Companies<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Companies that the user may enter.
    pub companies: &'a [Choice],
}

/// A company that a user may enter.
#[derive(Debug)]
pub struct Choice {
    /// Display name of the company.
    pub name: String,
    /// Slug of the company.
    pub slug: String,
    /// The user's role in the company.
    pub role: String,
    /// True if the session is bound to this company.
    pub current: bool,
}

/// Page `/account/`: the user's own account.
#[derive(Template)]
#[template(path = "account/account.html")]
pub struct Account<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Display name of the user.
    pub name: &'a str,
    /// E-mail address of the user.
    pub email: &'a str,
    /// True if the address is confirmed.
    pub confirmed: bool,
    /// Sessions of the user.
    pub sessions: &'a [Session],
    /// Form of language and time zone.
    pub locale: &'a LocaleForm,
    /// Reason why the name was refused.
    pub wrong_name: Option<&'a str>,
    /// Reason why the old password was refused.
    pub wrong_old: Option<&'a str>,
    /// Reason why the new password was refused.
    pub wrong_new: Option<&'a str>,
}

/// A session of a user.
#[derive(Debug)]
pub struct Session {
    /// Id of the session.
    pub id: i64,
    /// Browser and operating system, in words.
    pub agent: String,
    /// Network address of the client.
    pub address: String,
    /// Time of the sign-in, in words.
    pub created: String,
    /// Time of the last use, in words.
    pub seen: String,
    /// True for the session that requested the page.
    pub current: bool,
    /// True if a staff member acts as the user in this session.
    pub support: bool,
}

impl Account<'_> {
    fn themes(&self) -> [(Theme, &'static str); 3] {
        Theme::ALL
    }
}
