//! The members of a company and its open invitations.

use crate::frame::Frame;
use askama::Template;

/// Page `/settings/members/`: the members of a company.
#[derive(Template)]
#[template(path = "company/members.html")]
pub struct Members<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Members of the company.
    pub members: &'a [Member],
    /// Open invitations.
    pub invitations: &'a [Invitation],
    /// Names and labels of all roles.
    pub roles: &'a [(String, String)],
    /// True if the visitor may invite members, change their roles and remove them.
    pub may_manage: bool,
    /// Typed address of the invitation.
    pub email: &'a str,
    /// Reason why the invitation was refused.
    pub wrong: &'a str,
}

/// A member.
#[derive(Debug)]
pub struct Member {
    /// Id of the user.
    pub id: i64,
    /// Display name of the member.
    pub name: String,
    /// E-mail address of the member.
    pub email: String,
    /// Role of the member.
    pub role: String,
    /// Label of the role.
    pub role_label: String,
    /// Time since which the user has been a member, in words.
    pub since: String,
    /// True for the visitor's own row.
    pub is_me: bool,
}

/// An open invitation.
#[derive(Debug)]
pub struct Invitation {
    /// Id of the invitation.
    pub id: i64,
    /// Invited e-mail address.
    pub email: String,
    /// Offered role.
    pub role: String,
    /// Time until which the invitation can be accepted, in words.
    pub until: String,
    /// State of the letter, in words.
    pub letter: &'static str,
}
