//! Builds the frame of a page from its visit: user, company, navigation.

use super::{
    visit::{Inside, Oneself, Owning, Visit},
    words,
};
use tenantry::{
    access::{
        Actor,
        gates::{self, Verb},
    },
    config::Scope,
    topology::TenantRecord,
};
use tenantry_console::{Acting, Company, Face, Frame, Group, Link, Person};

/// Returns the frame of a page for a request without a session.
pub(super) fn of_guest(visit: &Visit, title: impl Into<String>) -> Frame {
    Frame {
        title: title.into(),
        platform: visit.app.platform().config().platform.name.clone(),
        language: visit.words.language,
        theme: visit.theme,
        here: match visit.query.is_empty() {
            true => visit.path.clone(),
            false => format!("{}?{}", visit.path, visit.query),
        },
        token: visit.token(),
        leave: visit.key.token(None),
        ..Frame::default()
    }
}

/// Returns the frame of a signed-in user's page that belongs to no company.
pub(super) fn of_person(of: &Oneself, title: impl Into<String>) -> Frame {
    let mut links = vec![
        link(&of.visit, "/companies/", of.visit.say("companies"), "building-2"),
        link(&of.visit, "/account/", of.visit.say("account"), "circle-user"),
    ];
    if of.actor.is_staff() {
        links.push(link(&of.visit, "/admin/", of.visit.say("face-staff"), "layers"));
        links.push(link(&of.visit, "/master-admin/", of.visit.say("face-master"), "shield"));
    }
    Frame {
        person: person(&of.actor),
        nav: vec![Group { label: of.visit.say("you"), links }],
        ..of_guest(&of.visit, title)
    }
}

/// Returns the frame of a page for operators.
pub(super) fn of_operator(of: &Oneself, title: impl Into<String>) -> Frame {
    let visit = &of.visit;
    let overview = vec![
        exact(visit, "/master-admin/", visit.say("overview"), "gauge"),
        link(visit, "/master-admin/companies/", visit.say("companies"), "building-2"),
        link(visit, "/master-admin/map/", visit.say("fleet-map"), "map"),
        link(visit, "/master-admin/operations/", visit.say("operations"), "list-checks"),
        link(visit, "/master-admin/backups/", visit.say("backups"), "archive"),
        link(visit, "/master-admin/migrations/", visit.say("migrations"), "layers-2"),
        link(visit, "/master-admin/proof/", visit.say("proofs"), "shield-check"),
        link(visit, "/master-admin/servers/", visit.say("servers"), "server"),
        link(visit, "/master-admin/analytics/", visit.say("analytics"), "trending-up"),
        link(visit, "/master-admin/monitoring/", visit.say("monitoring"), "activity"),
        link(visit, "/master-admin/audit/", visit.say("audit-log"), "book-open"),
    ];
    let staff = vec![link(visit, "/admin/", visit.say("face-staff"), "layers")];
    Frame {
        face: Face::Master,
        person: person(&of.actor),
        nav: vec![
            Group { label: visit.say("nav-platform"), links: overview },
            Group { label: visit.say("nav-staff"), links: staff },
        ],
        ..of_guest(visit, title)
    }
}

/// Returns the frame of a page for staff.
pub(super) fn of_staff(of: &Oneself, title: impl Into<String>) -> Frame {
    let visit = &of.visit;
    let overview = vec![
        exact(visit, "/admin/", visit.say("overview"), "list-checks"),
        link(visit, "/admin/companies/", visit.say("companies"), "building-2"),
        link(visit, "/admin/plans/", visit.say("plans"), "credit-card"),
        link(visit, "/admin/subscriptions/", visit.say("subscriptions"), "calendar"),
        link(visit, "/admin/users/", visit.say("people"), "users"),
        link(visit, "/admin/letters/", visit.say("sent-letters"), "mail"),
    ];
    let platform = visit.app.platform();
    let is_shared = |store: &str| platform.config().store(store).is_some_and(|s| s.scope == Scope::System);
    let models = of.visit.words.labels.models();
    let shared = models.iter().filter(|model| {
        is_shared(model.store.as_str()) && gates::allows(&of.actor, &model.permissions, Verb::Read)
    });
    let to_list = |name: &str, label: &str| link(visit, &format!("/admin/data/{name}/"), label, "layers");
    let all = exact(visit, "/admin/data/", visit.say("all"), "table-2");
    let lists = shared.map(|model| to_list(model.name.as_str(), &model.label));
    let shared: Vec<_> = std::iter::once(all).chain(lists).collect();
    let operators = vec![link(visit, "/master-admin/", visit.say("face-master"), "shield")];
    let groups = [
        Group { label: visit.say("nav-staff"), links: overview },
        Group { label: visit.say("nav-shared"), links: shared },
        Group { label: visit.say("nav-platform"), links: operators },
    ];
    Frame {
        face: Face::Staff,
        person: person(&of.actor),
        nav: groups.into_iter().filter(|group| !group.links.is_empty()).collect(),
        ..of_guest(visit, title)
    }
}

/// Returns the frame of a page inside a company.
pub(super) fn of_company(inside: &Inside, title: impl Into<String>) -> Frame {
    let (visit, tenant) = (&inside.visit, &inside.tenant);
    Frame {
        person: person(tenant.actor()),
        company: Some(company(visit, tenant.record(), tenant.actor(), inside.staff.as_deref())),
        nav: company_nav(inside),
        ..of_guest(visit, title)
    }
}

/// Returns the company of a page. If the actor is a staff member who acts as a member, the frame displays this on every
/// page.
pub(super) fn company(visit: &Visit, record: &TenantRecord, actor: &Actor, staff: Option<&str>) -> Company {
    let acting = actor.current_session().and_then(|session| {
        let impersonator = session.impersonator.as_ref()?;
        let left_us = (session.expires_us - visit.app.platform().now_us()).max(0);
        Some(Acting {
            staff: staff.unwrap_or(&impersonator.label).to_owned(),
            member: actor.user().map(|user| user.name.clone()).unwrap_or_default(),
            email: actor.user().map(|user| user.email.clone()).unwrap_or_default(),
            reason: impersonator.reason.clone(),
            until: visit.words.clock(session.expires_us),
            at: words::iso(session.expires_us),
            minutes: (left_us + 59_999_999) / 60_000_000,
        })
    });
    Company {
        name: record.name.clone(),
        slug: record.slug.to_string(),
        role: actor.role().map(|role| visit.words.role(role.as_str())).unwrap_or_default(),
        acting,
    }
}

/// Returns the frame of a page about a company that the user manages but may be unable to enter.
pub(super) fn of_owner(of: &Owning, title: impl Into<String>) -> Frame {
    let links = vec![
        link(&of.visit, "/dashboard/", of.visit.say("dashboard"), "layout-dashboard"),
        link(&of.visit, "/settings/company/", of.visit.say("company"), "settings"),
    ];
    Frame {
        person: person(&of.actor),
        company: Some(company(&of.visit, &of.record, &of.actor, None)),
        nav: vec![Group { label: of.visit.say("company"), links }],
        ..of_guest(&of.visit, title)
    }
}

/// Returns the navigation: the models that the visitor may read, first the tenant's own, then the shared ones.
fn company_nav(inside: &Inside) -> Vec<Group> {
    let platform = inside.visit.app.platform();
    let readable = |permissions| gates::allows(inside.tenant.actor(), permissions, Verb::Read);
    let manages = inside.tenant.require_manager().is_ok();
    let say = |id| inside.visit.say(id);
    let to = |href, label, icon| link(&inside.visit, href, say(label), icon);
    let mut settings = vec![to("/settings/members/", "members", "users")];
    let models = inside.visit.words.labels.models();
    if models.iter().any(|model| model.has_custom_fields() && readable(&model.permissions)) {
        settings.push(to("/settings/fields/", "own-fields", "table-2"));
    }
    if manages {
        settings.extend([
            to("/settings/keys/", "api-keys", "key"),
            to("/settings/activity/", "activity", "activity"),
            to("/settings/backups/", "backups", "archive"),
            to("/settings/subscription/", "subscription", "credit-card"),
            to("/settings/company/", "company", "settings"),
        ]);
    }
    let overview = vec![
        to("/dashboard/", "dashboard", "layout-dashboard"),
        to("/analytics/", "analytics", "chart-column"),
    ];
    let (mut own, mut shared) = (vec![], vec![]);
    for model in inside.visit.words.labels.models().iter().filter(|model| readable(&model.permissions)) {
        let is_shared =
            platform.config().store(model.store.as_str()).is_some_and(|store| store.scope == Scope::System);
        let (group, icon) = if is_shared { (&mut shared, "layers") } else { (&mut own, "table-2") };
        group.push(link(&inside.visit, &format!("/{}/", model.name), &model.label, icon));
    }
    let groups = [
        Group { label: say("overview"), links: overview },
        Group { label: say("records"), links: own },
        Group { label: say("nav-shared"), links: shared },
        Group { label: say("company"), links: settings },
    ];
    groups.into_iter().filter(|group| !group.links.is_empty()).collect()
}

fn person(actor: &Actor) -> Option<Person> {
    actor.user().map(|user| Person { name: user.name.clone(), email: user.email.clone() })
}

fn link(visit: &Visit, href: &str, label: &str, icon: &'static str) -> Link {
    Link { label: label.to_owned(), href: href.to_owned(), icon, current: visit.path.starts_with(href) }
}

/// Returns a link that is marked as current on its own page only, not on the pages below it.
fn exact(visit: &Visit, href: &str, label: &str, icon: &'static str) -> Link {
    Link { current: visit.path == href, ..link(visit, href, label, icon) }
}
