//! The API keys of a company.

use crate::frame::Frame;
use askama::Template;

/// `/settings/keys/`.
#[derive(Template)]
#[template(path = "company/keys.html")]
pub struct Keys<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Keys.
    pub keys: &'a [Key],
    /// Roles that there are.
    pub roles: &'a [String],
    /// The new key, which is shown once.
    pub made: Option<&'a str>,
    /// Name that was typed before.
    pub name: &'a str,
    /// What is wrong with it.
    pub wrong: &'a str,
}

/// A key.
#[derive(Debug)]
pub struct Key {
    /// Id.
    pub id: i64,
    /// Purpose.
    pub name: String,
    /// First characters.
    pub prefix: String,
    /// Role.
    pub role: String,
    /// Its maker and the time, in words.
    pub made: String,
    /// When it was last used.
    pub seen: String,
}
