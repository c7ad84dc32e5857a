//! Builds what surrounds a page from its visit: person, company, navigation.

use super::{
    visit::{Inside, Oneself, Owning, Visit},
    words,
};
use crate::http::App;
use tenantry::{
    access::{
        Actor,
        gates::{self, Verb},
    },
    config::Scope,
    topology::TenantRecord,
};
use tenantry_console::{Acting, Company, Face, Frame, Group, Link, Person};

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
    let mut links = vec![
        link(&of.visit, "/companies/", "Companies", "building-2"),
        link(&of.visit, "/account/", "Account", "circle-user"),
    ];
    if of.actor.is_staff() {
        links.push(link(&of.visit, "/admin/", "Platform data", "layers"));
        links.push(link(&of.visit, "/master-admin/", "Operators", "shield"));
    }
    Frame {
        person: person(&of.actor),
        nav: vec![Group { label: "You", links }],
        ..of_guest(&of.visit, title)
    }
}

/// Returns the frame of a page for operators.
pub(super) fn of_operator(of: &Oneself, title: &str) -> Frame {
    let visit = &of.visit;
    let overview = vec![
        exact(visit, "/master-admin/", "Overview", "gauge"),
        link(visit, "/master-admin/companies/", "Companies", "building-2"),
        link(visit, "/master-admin/operations/", "Operations", "list-checks"),
        link(visit, "/master-admin/backups/", "Backups", "archive"),
        link(visit, "/master-admin/servers/", "Servers", "server"),
        link(visit, "/master-admin/audit/", "Audit log", "book-open"),
    ];
    let staff = vec![link(visit, "/admin/", "Platform data", "layers")];
    Frame {
        face: Face::Master,
        person: person(&of.actor),
        nav: vec![Group { label: "Platform", links: overview }, Group { label: "Staff", links: staff }],
        ..of_guest(visit, title)
    }
}

/// Returns the frame of a page for staff.
pub(super) fn of_staff(of: &Oneself, title: &str) -> Frame {
    let visit = &of.visit;
    let overview = vec![
        exact(visit, "/admin/", "Overview", "list-checks"),
        link(visit, "/admin/companies/", "Companies", "building-2"),
        link(visit, "/admin/plans/", "Plans", "credit-card"),
        link(visit, "/admin/subscriptions/", "Subscriptions", "calendar"),
        link(visit, "/admin/users/", "People", "users"),
        link(visit, "/admin/letters/", "Letters", "mail"),
    ];
    let platform = visit.app.platform();
    let is_shared = |store: &str| platform.config().store(store).is_some_and(|s| s.scope == Scope::System);
    let models = platform.models();
    let shared = models.iter().filter(|model| {
        is_shared(model.store.as_str()) && gates::allows(&of.actor, &model.permissions, Verb::Read)
    });
    let to_list = |name: &str, label: &str| link(visit, &format!("/admin/data/{name}/"), label, "layers");
    let all = exact(visit, "/admin/data/", "All", "table-2");
    let lists = shared.map(|model| to_list(model.name.as_str(), &model.label));
    let shared: Vec<_> = std::iter::once(all).chain(lists).collect();
    let operators = vec![link(visit, "/master-admin/", "Operators", "shield")];
    let groups = [
        Group { label: "Staff", links: overview },
        Group { label: "Shared data", links: shared },
        Group { label: "Platform", links: operators },
    ];
    Frame {
        face: Face::Staff,
        person: person(&of.actor),
        nav: groups.into_iter().filter(|group| !group.links.is_empty()).collect(),
        ..of_guest(visit, title)
    }
}

/// Returns the frame of a page inside a company.
pub(super) fn of_company(inside: &Inside, title: &str) -> Frame {
    let (visit, tenant) = (&inside.visit, &inside.tenant);
    Frame {
        person: person(tenant.actor()),
        company: Some(company(&visit.app, tenant.record(), tenant.actor(), inside.staff.as_deref())),
        nav: company_nav(inside),
        ..of_guest(visit, title)
    }
}

/// Returns the company that a page is about. If staff act as a member, the page says so: this follows from the actor.
pub(super) fn company(app: &App, record: &TenantRecord, actor: &Actor, staff: Option<&str>) -> Company {
    let acting = actor.current_session().and_then(|session| {
        let impersonator = session.impersonator.as_ref()?;
        let left_us = (session.expires_us - app.platform().now_us()).max(0);
        Some(Acting {
            staff: staff.unwrap_or(&impersonator.label).to_owned(),
            member: actor.user().map(|user| user.name.clone()).unwrap_or_default(),
            email: actor.user().map(|user| user.email.clone()).unwrap_or_default(),
            reason: impersonator.reason.clone(),
            until: words::clock(session.expires_us),
            at: words::iso(session.expires_us),
            minutes: (left_us + 59_999_999) / 60_000_000,
        })
    });
    Company {
        name: record.name.clone(),
        slug: record.slug.to_string(),
        role: actor.role().map(ToString::to_string).unwrap_or_default(),
        acting,
    }
}

/// Returns the frame of a page about a company that the person manages and cannot always enter.
pub(super) fn of_owner(of: &Owning, title: &str) -> Frame {
    let links = vec![
        link(&of.visit, "/dashboard/", "Dashboard", "layout-dashboard"),
        link(&of.visit, "/settings/company/", "Company", "settings"),
    ];
    Frame {
        person: person(&of.actor),
        company: Some(company(&of.visit.app, &of.record, &of.actor, None)),
        nav: vec![Group { label: "Company", links }],
        ..of_guest(&of.visit, title)
    }
}

/// Returns the models that the visitor may read: first the tenant's own, then the shared ones.
fn company_nav(inside: &Inside) -> Vec<Group> {
    let platform = inside.visit.app.platform();
    let readable = |permissions| gates::allows(inside.tenant.actor(), permissions, Verb::Read);
    let manages = inside.tenant.require_manager().is_ok();
    let to = |href, label, icon| link(&inside.visit, href, label, icon);
    let mut settings = vec![to("/settings/members/", "Members", "users")];
    if manages {
        settings.extend([
            to("/settings/keys/", "API keys", "key"),
            to("/settings/activity/", "Activity", "activity"),
            to("/settings/backups/", "Backups", "archive"),
            to("/settings/subscription/", "Subscription", "credit-card"),
            to("/settings/company/", "Company", "settings"),
        ]);
    }
    let overview = vec![
        to("/dashboard/", "Dashboard", "layout-dashboard"),
        to("/analytics/", "Analytics", "chart-column"),
    ];
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

/// Returns a link that is current on its own page only, and not on those below it.
fn exact(visit: &Visit, href: &str, label: &str, icon: &'static str) -> Link {
    Link { current: visit.path == href, ..link(visit, href, label, icon) }
}
