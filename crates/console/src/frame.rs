//! What surrounds every page: title, navigation, the person, the company, the banner of support visits.
//!
//! The server builds a frame from the actor of the request, so no page can show another person or company.

use crate::language::{Language, Rich, Text};
use std::fmt;

/// How the pages look. A browser keeps the choice in a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the person's device is set.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// All themes, with the ids of their names.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::System, "theme-system"), (Self::Light, "theme-light"), (Self::Dark, "theme-dark")];

    /// Returns the theme with this name; the device's for any other text.
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

/// For whom a page is. The accent of the page says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Face {
    /// Pages for members of companies and for visitors.
    #[default]
    Company,
    /// Pages for staff members, over the platform's own data.
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
    /// Title of the page, before the name of the place.
    pub title: String,
    /// Name of the installation.
    pub platform: String,
    /// Language of the page.
    pub language: Language,
    /// How the page looks.
    pub theme: Theme,
    /// For whom the page is.
    pub face: Face,
    /// The signed-in person; `None` for visitors.
    pub person: Option<Person>,
    /// The company that the page is about.
    pub company: Option<Company>,
    /// Navigation.
    pub nav: Vec<Group>,
    /// Form token: without it a form is refused.
    pub token: String,
    /// Form token of the button to sign out, which is about no company.
    pub leave: String,
    /// Address of the page, to which a choice of language leads back. Empty: no language is offered.
    pub here: String,
    /// What just happened, or what is wrong.
    pub notice: Option<Notice>,
}

/// The signed-in person, or the key that acts.
#[derive(Debug, Clone)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
}

/// The company that a page is about.
#[derive(Debug, Clone)]
pub struct Company {
    /// Name.
    pub name: String,
    /// Slug.
    pub slug: String,
    /// Role of the person in it.
    pub role: String,
    /// A staff member acts as the person. Every page of the company says so.
    pub acting: Option<Acting>,
}

/// A support visit.
#[derive(Debug, Clone)]
pub struct Acting {
    /// Name of the staff member.
    pub staff: String,
    /// Name of the member whose rights apply.
    pub member: String,
    /// Address of that member.
    pub email: String,
    /// Why.
    pub reason: String,
    /// When the visit ends, in words.
    pub until: String,
    /// When the visit ends.
    pub at: String,
    /// Minutes that are left.
    pub minutes: i64,
}

/// Links of the navigation that belong together.
#[derive(Debug, Clone)]
pub struct Group {
    /// Heading.
    pub label: &'static str,
    /// Links.
    pub links: Vec<Link>,
}

/// A link of the navigation.
#[derive(Debug, Clone)]
pub struct Link {
    /// Text.
    pub label: String,
    /// Address.
    pub href: String,
    /// Icon of the sprite.
    pub icon: &'static str,
    /// The page that is shown is behind this link.
    pub current: bool,
}

/// A message at the top of a page.
#[derive(Debug, Clone)]
pub struct Notice {
    /// It says that something was done, and not that something is wrong.
    pub good: bool,
    /// Text.
    pub text: String,
}

impl Notice {
    /// Returns a message that something was done.
    pub fn done(text: impl Into<String>) -> Self {
        Self { good: true, text: text.into() }
    }

    /// Returns a message that something is wrong.
    pub fn wrong(text: impl Into<String>) -> Self {
        Self { good: false, text: text.into() }
    }
}

impl Person {
    /// Returns the letter that stands for the person.
    pub fn initial(&self) -> String {
        self.name.chars().next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default()
    }
}

impl Company {
    /// Returns the letter that stands for the company.
    pub fn initial(&self) -> String {
        self.name.chars().next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default()
    }
}

/// The form of language and time zone of a person or a company.
#[derive(Debug, Clone, Default)]
pub struct LocaleForm {
    /// Code of the language; empty: none is chosen.
    pub language: String,
    /// Name of the time zone; empty: none is chosen.
    pub time_zone: String,
    /// Names of all time zones.
    pub zones: Vec<String>,
    /// What is wrong.
    pub wrong: String,
}

impl LocaleForm {
    /// Returns all languages.
    pub fn languages(&self) -> Vec<Language> {
        Language::all().collect()
    }
}

impl Frame {
    /// Returns the languages that a page for visitors offers.
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

    /// Returns a text with arguments that contains markup. Its arguments are escaped.
    pub fn rich(&self, id: &'static str) -> Rich {
        self.language.rich(id)
    }

    /// Returns what the pages are called, unless they are those of a company.
    pub fn face_label(&self) -> Option<&'static str> {
        match self.face {
            Face::Company => None,
            Face::Staff => Some(self.say("face-staff")),
            Face::Master => Some(self.say("face-master")),
        }
    }

    /// Returns the name of the place, after the title of the page.
    pub fn place(&self) -> &str {
        self.company.as_ref().map_or(&self.platform, |company| &company.name)
    }

    /// Returns the support visit of the page.
    pub fn acting(&self) -> Option<&Acting> {
        self.company.as_ref()?.acting.as_ref()
    }
}
