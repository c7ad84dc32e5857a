//! Builds what surrounds a page from its visit: person, company, navigation.

use super::visit::{Inside, Oneself, Visit};
use tenantry::{
    access::{
        Actor,
        gates::{self, Verb},
    },
    config::Scope,
};
use tenantry_console::{Company, Frame, Group, Link, Person};

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

/// Returns the frame of a page inside a company.
pub(super) fn of_company(inside: &Inside, title: &str) -> Frame {
    let (visit, tenant) = (&inside.visit, &inside.tenant);
    let role = tenant.actor().role().map(ToString::to_string).unwrap_or_default();
    Frame {
        person: person(tenant.actor()),
        company: Some(Company { name: tenant.name().to_owned(), slug: tenant.slug().to_string(), role }),
        nav: company_nav(inside),
        ..of_guest(visit, title)
    }
}

/// Returns the models that the visitor may read: first the tenant's own, then the shared ones.
fn company_nav(inside: &Inside) -> Vec<Group> {
    let platform = inside.visit.app.platform();
    let readable = |permissions| gates::allows(inside.tenant.actor(), permissions, Verb::Read);
    let manages = inside.tenant.require_manager().is_ok();
    let mut settings = vec![link(&inside.visit, "/settings/members/", "Members", "users")];
    if manages {
        settings.push(link(&inside.visit, "/settings/keys/", "API keys", "key"));
        settings.push(link(&inside.visit, "/settings/activity/", "Activity", "activity"));
    }
    let overview = vec![link(&inside.visit, "/dashboard/", "Dashboard", "layout-dashboard")];
    let (mut own, mut shared) = (vec![], vec![]);
    for model in platform.models().iter().filter(|model| readable(&model.permissions)) {
        let is_shared =
            platform.config().store(model.store.as_str()).is_some_and(|store| store.scope == Scope::System);
        let (group, icon) = if is_shared { (&mut shared, "layers") } else { (&mut own, "table-2") };
        group.push(link(&inside.visit, &format!("/{}/", model.name), &model.label, icon));
    }
    let groups = [
        Group { label: "Overview", links: overview },
        Group { label: "Records", links: own },
        Group { label: "Shared data", links: shared },
        Group { label: "Company", links: settings },
    ];
    groups.into_iter().filter(|group| !group.links.is_empty()).collect()
}

fn person(actor: &Actor) -> Option<Person> {
    actor.user().map(|user| Person { name: user.name.clone(), email: user.email.clone() })
}

fn link(visit: &Visit, href: &str, label: &str, icon: &'static str) -> Link {
    Link { label: label.to_owned(), href: href.to_owned(), icon, current: visit.path.starts_with(href) }
}
