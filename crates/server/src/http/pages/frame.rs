//! Builds what surrounds a page from its visit: person, company, navigation.

use super::visit::{Oneself, Visit};
use tenantry::access::Actor;
use tenantry_console::{Frame, Group, Link, Person};

/// Returns the frame of a page for visitors.
pub(super) fn of_guest(visit: &Visit, title: &str) -> Frame {
    Frame {
        title: title.to_owned(),
        platform: visit.app.platform().config().platform.name.clone(),
        theme: visit.theme,
        token: visit.token(),
        leave: visit.key.token(None),
        ..Frame::default()
    }
}

/// Returns the frame of a page of a person, in no company.
pub(super) fn of_person(of: &Oneself, title: &str) -> Frame {
    let links = vec![
        link(&of.visit, "/companies/", "Companies", "building-2"),
        link(&of.visit, "/account/", "Account", "circle-user"),
    ];
    Frame {
        person: person(&of.actor),
        nav: vec![Group { label: "You", links }],
        ..of_guest(&of.visit, title)
    }
}

fn person(actor: &Actor) -> Option<Person> {
    actor.user().map(|user| Person { name: user.name.clone(), email: user.email.clone() })
}

fn link(visit: &Visit, href: &str, label: &str, icon: &'static str) -> Link {
    Link { label: label.to_owned(), href: href.to_owned(), icon, current: visit.path.starts_with(href) }
}
