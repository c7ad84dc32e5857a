//! The members of a company, and its open invitations.

use crate::frame::Frame;
use askama::Template;

/// `/settings/members/`.
#[derive(Template)]
#[template(path = "company/members.html")]
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
