//! T11 for the pages of operators: each form leaves the audit rows that the same act leaves through the API.

use super::{
    app::{PASSWORD, TestApp},
    audited::{self, Stage},
    web::Web,
};
use tenantry_server::http::Options;

/// A form, and the route of the API with the same effect.
pub(super) struct Alike {
    pub(super) page: &'static str,
    api: (&'static str, &'static str),
    fields: &'static [(&'static str, &'static str)],
}

const fn alike(
    page: &'static str,
    method: &'static str,
    api: &'static str,
    fields: &'static [(&'static str, &'static str)],
) -> Alike {
    Alike { page, api: (method, api), fields }
}

/// Forms of operators. `SLUG` and `NEW` stand for slugs, `PASSWORD` for the operator's password.
pub(super) const ALIKE: &[Alike] = &[
    alike(
        "/master-admin/companies/create/",
        "POST",
        "/api/admin/tenants",
        &[("company", "New"), ("slug", "NEW"), ("email", "a@b.example")],
    ),
    alike(
        "/master-admin/companies/{slug}/suspend/",
        "POST",
        "/api/admin/tenants/{slug}/suspend",
        &[("reason", "x")],
    ),
    alike("/master-admin/companies/{slug}/resume/", "POST", "/api/admin/tenants/{slug}/resume", &[]),
    alike(
        "/master-admin/companies/{slug}/maintenance/",
        "POST",
        "/api/admin/tenants/{slug}/maintenance",
        &[("reason", "x")],
    ),
    alike(
        "/master-admin/companies/{slug}/plan/",
        "POST",
        "/api/admin/tenants/{slug}/plan",
        &[("plan", "clinic"), ("state", "active"), ("ends_at", "2030-01-31")],
    ),
    alike(
        "/master-admin/companies/{slug}/rename/",
        "POST",
        "/api/admin/tenants/{slug}/rename",
        &[("slug", "NEW")],
    ),
    alike(
        "/master-admin/companies/{slug}/settings/",
        "PATCH",
        "/api/admin/tenants/{slug}/settings",
        &[("settings", "{\"colour\": 1}")],
    ),
    alike("/master-admin/companies/{slug}/databases/", "POST", "/api/admin/tenants/{slug}/databases", &[]),
    alike("/master-admin/companies/{slug}/migrate/", "POST", "/api/admin/tenants/{slug}/migrate", &[]),
    alike(
        "/master-admin/companies/{slug}/cancel/",
        "POST",
        "/api/admin/tenants/{slug}/cancel",
        &[("grace_days", "0"), ("confirm", "SLUG")],
    ),
    alike("/master-admin/companies/{slug}/revoke/", "DELETE", "/api/admin/tenants/{slug}/cancel", &[]),
    alike(
        "/master-admin/companies/{slug}/move/",
        "POST",
        "/api/admin/tenants/{slug}/move",
        &[("server", "disk")],
    ),
    alike("/master-admin/companies/{slug}/promote/", "POST", "/api/admin/tenants/{slug}/promote", &[]),
    alike("/master-admin/companies/{slug}/demote/", "POST", "/api/admin/tenants/{slug}/demote", &[]),
    alike("/master-admin/companies/{slug}/release/", "POST", "/api/admin/tenants/{slug}/release", &[]),
    alike("/master-admin/companies/{slug}/back-up/", "POST", "/api/admin/tenants/{slug}/backups", &[]),
    alike("/master-admin/companies/{slug}/verify/", "POST", "/api/admin/backups/{id}/verify", &[]),
    alike("/master-admin/companies/{slug}/restore/", "POST", "/api/admin/tenants/{slug}/restore", &[]),
    alike(
        "/master-admin/companies/{slug}/swap/",
        "POST",
        "/api/admin/tenants/{slug}/restore/swap",
        &[("password", "PASSWORD")],
    ),
    alike("/master-admin/companies/{slug}/undo/", "POST", "/api/admin/tenants/{slug}/restore/undo", &[]),
    alike("/master-admin/companies/{slug}/discard/", "DELETE", "/api/admin/tenants/{slug}/restore", &[]),
    alike(
        "/master-admin/companies/{slug}/clone/",
        "POST",
        "/api/admin/tenants/{slug}/clone",
        &[("slug", "NEW")],
    ),
    alike(
        "/master-admin/companies/{slug}/purge/",
        "POST",
        "/api/admin/tenants/{slug}/purge",
        &[("confirm", "SLUG"), ("password", "PASSWORD")],
    ),
    alike(
        "/master-admin/companies/{slug}/attach/",
        "POST",
        "/api/admin/tenants/{slug}/attach",
        &[("store", "visits")],
    ),
    alike("/master-admin/backups/run/", "POST", "/api/admin/backups", &[("tenants", "SLUG"), ("system", "")]),
    alike("/master-admin/backups/drill/", "POST", "/api/admin/backups/drill", &[("tenant", "SLUG")]),
    alike("/master-admin/backups/prune/", "POST", "/api/admin/backups/prune", &[]),
    alike("/master-admin/backups/rescan/", "POST", "/api/admin/backups/rescan", &[]),
    alike(
        "/master-admin/backups/{id}/restore-as/",
        "POST",
        "/api/admin/backups/{id}/restore-as",
        &[("slug", "NEW"), ("members", "yes"), ("reason", "they look at the old rows")],
    ),
    // The preparation for the route of releases has already moved the tenant.
    alike("/master-admin/companies/{slug}/move-back/", "MOVED", "/api/admin/tenants/{slug}/release", &[]),
    alike("/master-admin/operations/{id}/cancel/", "POST", "/api/admin/operations/{id}/cancel", &[]),
    alike("/master-admin/operations/{id}/retry/", "POST", "/api/admin/operations/{id}/retry", &[]),
    alike("/master-admin/operations/{id}/abandon/", "POST", "/api/admin/operations/{id}/abandon", &[]),
];

/// Fills the form of a page and sends it. Returns the address to which the answer redirects.
async fn send(web: &mut Web, alike: &Alike, stage: &Stage, id: &str, new: &str) -> String {
    let action = alike.page.replace("{slug}", &stage.slug).replace("{id}", id);
    let is_on_page_above = action.ends_with(&format!("/{id}/cancel/")) || action.ends_with("/retry/");
    let (path, form) = match is_on_page_above {
        true => (format!("/master-admin/operations/{id}/"), action.as_str()),
        false => (action.clone(), ""),
    };
    let page = web.get(&path).await.expect(200);
    let value = |text: &'static str| match text {
        "SLUG" => stage.slug.clone(),
        "NEW" => new.to_owned(),
        "PASSWORD" => PASSWORD.to_owned(),
        other => other.to_owned(),
    };
    let fields: Vec<_> = alike.fields.iter().map(|(name, text)| (*name, value(text))).collect();
    let fields: Vec<_> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let sent = web.submit(&page, form, &fields).await;
    assert_eq!(sent.status, 303, "{action}: {}", sent.text());
    sent.location()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_of_operators_leaves_the_rows_of_its_route() {
    let app = TestApp::configured(&audited::settings(), Options::default()).await;
    let staff = app.staff().await;
    for (n, alike) in ALIKE.iter().enumerate() {
        let (method, path) = alike.api;
        let stage = Stage::set(&app, &staff, 5000 + n).await;
        let is_back = method == "MOVED";
        let route = format!("{} {path}", if is_back { "POST" } else { method });
        let ready = audited::before(&stage, &route).await;
        let id =
            ready.as_str().map(str::to_owned).or(ready.as_i64().map(|id| id.to_string())).unwrap_or_default();
        let mut web = Web::signed_in(&app, "staff@platform.example").await;
        let start = stage.count().await;
        let to = send(&mut web, alike, &stage, &id, &format!("new-{n}")).await;
        if let Some(rest) = to.strip_prefix("/master-admin/operations/") {
            let id = rest.trim_end_matches('/').parse().unwrap();
            app.platform().operations().wait(id).await.unwrap();
        }
        web.get(&to).await.expect(200);
        let rows = stage.since(start).await;
        let actions: Vec<_> = rows.iter().map(|row| row["action"].as_str().unwrap()).collect();
        let of_api = audited::TRIED.iter().find(|tried| (tried.0, tried.1) == (method, path));
        let wanted = of_api.map_or(&["tenant.move_back", "tenant.moved"][..], |tried| tried.2);
        assert_eq!(actions, *wanted, "{}", alike.page);
    }
}
