//! What surrounds every page: title, navigation, the person, the company, the banner of support visits.
//!
//! The server builds a frame from the actor of the request, so no page can show another person or company.

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
    /// All themes, with their labels.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::System, "As my device"), (Self::Light, "Light"), (Self::Dark, "Dark")];

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

/// The frame of one page.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// Title of the page, before the name of the place.
    pub title: String,
    /// Name of the installation.
    pub platform: String,
    /// How the page looks.
    pub theme: Theme,
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

impl Frame {
    /// Returns the name of the place, after the title of the page.
    pub fn place(&self) -> &str {
        self.company.as_ref().map_or(&self.platform, |company| &company.name)
    }
}
