//! Pages of a company about itself: dashboard, members, keys, activity.

use crate::frame::Frame;
use askama::Template;

/// `/dashboard/`.
#[derive(Template)]
#[template(path = "dashboard.html")]
pub struct Dashboard<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Models with the number of their records.
    pub counts: &'a [Count],
    /// What the company uses of its plan.
    pub bars: &'a [Bar],
    /// Plan and state of the subscription, in words.
    pub plan: &'a str,
    /// Something about the subscription needs attention.
    pub warning: &'a str,
    /// Newest changes; `None` if the person may not see them.
    pub activity: Option<&'a [Line]>,
}

/// A model with the number of its records.
#[derive(Debug)]
pub struct Count {
    /// Label of the model.
    pub label: String,
    /// Address of its list.
    pub href: String,
    /// Number of records.
    pub number: String,
    /// Address of the form of a new record, if the person may add one.
    pub add: Option<String>,
}

/// How much of a limit is used.
#[derive(Debug)]
pub struct Bar {
    /// What is limited.
    pub label: &'static str,
    /// What is used, in words.
    pub used: String,
    /// The limit in words; empty if there is none.
    pub most: String,
    /// Used part, 0 to 100.
    pub percent: u64,
}

/// A line of the activity log.
#[derive(Debug)]
pub struct Line {
    /// When, as people read it, and for programs.
    pub at: (String, String),
    /// Name of the person or key that acted.
    pub who: String,
    /// Staff that acted as that person.
    pub support: String,
    /// `added`, `changed` or `deleted`.
    pub action: &'static str,
    /// Label of the model.
    pub model: String,
    /// Number of the record.
    pub record: String,
    /// Address of the record; empty if it is gone or may not be seen.
    pub href: String,
    /// Names of the changed fields.
    pub fields: String,
}

/// `/settings/activity/`.
#[derive(Template)]
#[template(path = "activity.html")]
pub struct Activity<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Lines, newest first.
    pub lines: &'a [Line],
    /// Address of older lines.
    pub next: Option<String>,
    /// These are not the newest lines.
    pub is_later: bool,
}

/// `/settings/members/`.
#[derive(Template)]
#[template(path = "members.html")]
pub struct Members<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Members.
    pub members: &'a [Member],
    /// Open invitations.
    pub invitations: &'a [Invitation],
    /// Roles that there are.
    pub roles: &'a [String],
    /// The person may invite, change roles and remove.
    pub may_manage: bool,
    /// Address that was typed before.
    pub email: &'a str,
    /// What is wrong with it.
    pub wrong: &'a str,
}

/// A member.
#[derive(Debug)]
pub struct Member {
    /// Id of the user.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
    /// Role.
    pub role: String,
    /// Since when.
    pub since: String,
    /// It is the person themselves.
    pub is_me: bool,
}

/// An open invitation.
#[derive(Debug)]
pub struct Invitation {
    /// Id.
    pub id: i64,
    /// Address.
    pub email: String,
    /// Role.
    pub role: String,
    /// Until when it can be accepted.
    pub until: String,
    /// What happened to its letter, in words.
    pub letter: &'static str,
}

/// `/settings/keys/`.
#[derive(Template)]
#[template(path = "keys.html")]
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
