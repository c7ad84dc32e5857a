//! The parts around every page: title, navigation, user, company, banner of support visits.
//!
//! The server builds a frame from the actor of the request, so a page cannot show another user or company.

use crate::language::{Language, Rich, Text};
use std::fmt;

/// Appearance of pages. A cookie of the browser holds the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Follows the setting of the user's device.
    #[default]
    System,
    /// Dark text on a light background.
    Light,
    /// Light text on a dark background.
    Dark,
}

impl Theme {
    /// All themes, with the ids of the texts that name them.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::System, "theme-system"), (Self::Light, "theme-light"), (Self::Dark, "theme-dark")];

    /// Returns the theme with this name, and [`Theme::System`] for any other text.
    pub fn parse(text: &str) -> Self {
        match text {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        })
    }
}

/// The audience of a page. The colour of the page's accent shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Face {
    /// Pages for members of companies, and pages that need no session.
    #[default]
    Company,
    /// Pages for staff, about the platform's own data.
    Staff,
    /// Pages for operators.
    Master,
}

impl fmt::Display for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Company => "company",
            Self::Staff => "staff",
            Self::Master => "master",
        })
    }
}

/// The frame of one page.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// Title of the page. In the browser's title bar, [`Frame::place`] follows it.
    pub title: String,
    /// Name of the installation.
    pub platform: String,
    /// Language of the texts.
    pub language: Language,
    /// Appearance of the page.
    pub theme: Theme,
    /// Audience of the page.
    pub face: Face,
    /// The signed-in user; `None` if the visitor is not signed in.
    pub person: Option<Person>,
    /// The company of the page, if it belongs to one.
    pub company: Option<Company>,
    /// Groups of links in the navigation.
    pub nav: Vec<Group>,
    /// Form token. The server refuses a form without it.
    pub token: String,
    /// Form token of the sign-out button, whose form belongs to no company.
    pub leave: String,
    /// Address of the page, to which a change of the language returns; empty if the page offers no languages.
    pub here: String,
    /// Message at the top of the page.
    pub notice: Option<Notice>,
}

/// The signed-in user, or the API key of the request.
#[derive(Debug, Clone)]
pub struct Person {
    /// Display name of the user.
    pub name: String,
    /// E-mail address of the user.
    pub email: String,
}

/// The company of a page.
#[derive(Debug, Clone)]
pub struct Company {
    /// Display name of the company.
    pub name: String,
    /// Slug of the company.
    pub slug: String,
    /// The user's role in the company.
    pub role: String,
    /// The support visit, if a staff member acts as the user. Every page of the company displays it.
    pub acting: Option<Acting>,
}

/// A support visit: a staff member acts as a member of a company.
#[derive(Debug, Clone)]
pub struct Acting {
    /// Name of the staff member.
    pub staff: String,
    /// Name of the member whose rights apply.
    pub member: String,
    /// E-mail address of that member.
    pub email: String,
    /// Reason that the staff member gave.
    pub reason: String,
    /// End of the visit, in words.
    pub until: String,
    /// End of the visit, as programs read it.
    pub at: String,
    /// Number of minutes left.
    pub minutes: i64,
}

/// A group of links in the navigation.
#[derive(Debug, Clone)]
pub struct Group {
    /// Heading of the group.
    pub label: &'static str,
    /// Links of the group.
    pub links: Vec<Link>,
}

/// A link of the navigation.
#[derive(Debug, Clone)]
pub struct Link {
    /// Text of the link.
    pub label: String,
    /// Address of the link.
    pub href: String,
    /// Icon from the sprite.
    pub icon: &'static str,
    /// True if the link leads to the page that is shown.
    pub current: bool,
}

/// A message at the top of a page.
#[derive(Debug, Clone)]
pub struct Notice {
    /// True if the message reports success, and false if it reports a problem.
    pub good: bool,
    /// Text of the message.
    pub text: String,
}

impl Notice {
    /// Creates a message that reports success.
    pub fn done(text: impl Into<String>) -> Self {
        Self { good: true, text: text.into() }
    }

    /// Creates a message that reports a problem.
    pub fn wrong(text: impl Into<String>) -> Self {
        Self { good: false, text: text.into() }
    }
}

impl Person {
    /// Returns the letter that represents the user.
    pub fn initial(&self) -> String {
        self.name.chars().next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default()
    }
}

impl Company {
    /// Returns the letter that represents the company.
    pub fn initial(&self) -> String {
        self.name.chars().next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default()
    }
}

/// The form of language and time zone of a user or a company.
#[derive(Debug, Clone, Default)]
pub struct LocaleForm {
    /// Code of the chosen language; empty if none is chosen.
    pub language: String,
    /// Name of the chosen time zone; empty if none is chosen.
    pub time_zone: String,
    /// Names of all time zones.
    pub zones: Vec<String>,
    /// Reason why the form was refused; empty if it was not.
    pub wrong: String,
}

impl LocaleForm {
    /// Returns all languages that can be chosen.
    pub fn languages(&self) -> Vec<Language> {
        Language::all().collect()
    }
}

impl Frame {
    /// Returns the languages that the page offers.
    pub fn languages(&self) -> Vec<Language> {
        if self.here.is_empty() { vec![] } else { Language::all().collect() }
    }

    /// Returns a text without arguments, in the language of the page.
    pub fn say(&self, id: &'static str) -> &'static str {
        self.language.say(id)
    }

    /// Returns a text that takes arguments, in the language of the page.
    pub fn text(&self, id: &'static str) -> Text {
        self.language.text(id)
    }

    /// Returns a text with arguments that contains markup. The arguments are escaped.
    pub fn rich(&self, id: &'static str) -> Rich {
        self.language.rich(id)
    }

    /// Returns the name of the staff's or operators' pages, and `None` on pages of a company.
    pub fn face_label(&self) -> Option<&'static str> {
        match self.face {
            Face::Company => None,
            Face::Staff => Some(self.say("face-staff")),
            Face::Master => Some(self.say("face-master")),
        }
    }

    /// Returns the name of the place that follows the title of the page.
    pub fn place(&self) -> &str {
        self.company.as_ref().map_or(&self.platform, |company| &company.name)
    }

    /// Returns the support visit of the page.
    pub fn acting(&self) -> Option<&Acting> {
        self.company.as_ref()?.acting.as_ref()
    }
}
