//! The API keys of a company.

use crate::frame::Frame;
use askama::Template;

/// Page `/settings/keys/`: the API keys of a company.
#[derive(Template)]
#[template(path = "company/keys.html")]
pub struct Keys<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// API keys of the company.
    pub keys: &'a [Key],
    /// Names and labels of all roles.
    pub roles: &'a [(String, String)],
    /// Text of the new key, which is shown once.
    pub made: Option<&'a str>,
    /// Typed name of the new key.
    pub name: &'a str,
    /// Reason why the name was refused.
    pub wrong: &'a str,
}

/// An API key.
#[derive(Debug)]
pub struct Key {
    /// Id of the key.
    pub id: i64,
    /// Name of the key, which says what it is for.
    pub name: String,
    /// First characters of the key.
    pub prefix: String,
    /// Role of the key.
    pub role: String,
    /// Creator and time of creation, in words.
    pub made: String,
    /// Time of the last use, in words.
    pub seen: String,
}
