//! `/master-admin/companies/{slug}/`: one company, without its rows.

use super::words;
use crate::http::{
    pages::{
        answer::page,
        frame,
        visit::{StaffedOn, query},
        words::{bytes, instant, number},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{
    audit, backups,
    operations::Filter,
    tenants::{Listed, State},
    topology::versions::Version,
};
use tenantry_console::{
    Notice,
    master::{Body, Button, Cell, Group, Section, Sheet, Table},
};

/// Backups, operations and lines of the log that are shown.
const SHOWN: u32 = 10;

/// `GET /master-admin/companies/{slug}/`.
pub(in crate::http) async fn show(of: StaffedOn) -> Result<Response> {
    let tenant = of.platform().tenants().show(&of.slug).await?;
    let versions = of.platform().migrations().versions(&tenant).await?;
    let mut frame = frame::of_operator(&of.of, &tenant.name);
    frame.notice = done(query(&of.of.visit.query).get("_done"));
    let is_gone = tenant.state == State::Gone;
    let mut sections = vec![Section::new("overview", "Overview", Body::Facts(facts(&of, &tenant).await))];
    if !is_gone {
        sections.push(Section::new("databases", "Databases", databases(&tenant, &versions)));
        sections.extend(staged(&of).await?);
    }
    sections.push(backups_of(&of).await?);
    sections.push(operations_of(&of, &tenant).await?);
    sections.push(log_of(&of, &tenant).await?);
    let settings = of.platform().tenants().settings(&of.slug).await?;
    let settings = serde_json::to_string_pretty(&settings).unwrap_or_default();
    sections.push(Section::new("settings", "Settings", Body::Code(settings)));
    sections.push(Section::new("actions", "Actions", Body::Links(actions(&tenant, &versions))).side());
    let enter = format!("/master-admin/companies/{}/enter/", of.slug);
    let certificate = format!("/master-admin/companies/{}/certificate/", of.slug);
    let sheet = Sheet {
        frame: &frame,
        back: Some(("/master-admin/companies/".into(), "Companies".into())),
        lead: tenant.slug.to_string(),
        tags: vec![words::state(&tenant)],
        buttons: match is_gone {
            true => vec![Button::new("Certificate", certificate, "file").primary()],
            false => vec![Button::new("Enter company system", enter, "door-open").primary()],
        },
        sections,
    };
    Ok(page(StatusCode::OK, &sheet))
}

/// Returns what a form has just done.
fn done(what: &str) -> Option<Notice> {
    let text = match what {
        "visit-over" => {
            return Some(Notice::wrong(
                "Your support visit is over. Enter the company again if you need to.",
            ));
        }
        "visit-ended" => "You have left the company.",
        "created" => "The company is created.",
        "suspended" => "The company is suspended. Nobody can enter it.",
        "resumed" => "The company is open again.",
        "maintenance" => "The company is closed for maintenance.",
        "open" => "The maintenance is over.",
        "plan" => "The subscription is changed.",
        "renamed" => "The company has another short name. The former one stays reserved.",
        "settings" => "The settings are saved.",
        "cancelled" => "The company is cancelled. The dates are below.",
        "kept" => "The cancellation is revoked.",
        "databases" => "All its databases are there.",
        "migrated" => "Its databases are at the schema of the apps.",
        "released" => "The retained databases are released.",
        "discarded" => "The staged restore is discarded.",
        _ => return None,
    };
    Some(Notice::done(text))
}

async fn facts(of: &StaffedOn, tenant: &Listed) -> Vec<(String, Cell)> {
    let size = of.platform().tenants().bytes(tenant).await;
    let mut facts = vec![
        ("Short name", Cell::text(tenant.slug.as_str())),
        ("Id", Cell::text(tenant.id.to_string())),
        ("E-mail", Cell::text(&tenant.email)),
        ("Members", Cell::text(number(u64::try_from(tenant.users).unwrap_or(0)))),
        ("Plan", words::subscription(tenant)),
        ("Size on disk", Cell::text(bytes(size))),
        ("Last backup", words::maybe_at(tenant.backup_at_us)),
        ("Created", words::at(tenant.created_at_us)),
    ];
    if let Some(reason) = &tenant.maintenance {
        facts.push(("Closed for maintenance", Cell::text(reason)));
    }
    if let Some(ends) = &tenant.retirement {
        facts.push(("Cancelled", words::at(ends.cancelled_at_us)));
        facts.push(("Can be used until", words::at(ends.closes_at_us)));
        facts.push(("Data is retained until", words::at(ends.purges_at_us)));
    }
    facts.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()
}

fn databases(tenant: &Listed, versions: &[Version]) -> Body {
    if tenant.placements.is_empty() {
        return Body::Nothing(
            "database",
            "It has no database".into(),
            "Create the missing ones, or restore a backup.".into(),
        );
    }
    let row = |(p, version): (&tenantry::topology::Placement, &Version)| {
        vec![
            Cell::text(p.place.store.as_str()),
            Cell::text(p.place.physical.as_str()).small(p.place.isolation.as_str()),
            Cell::link(
                p.place.server.as_str(),
                format!("/master-admin/companies/?server={}", p.place.server),
            ),
            Cell::number(p.place.generation.to_string()),
            words::schema(&[*version]).small(p.migration_error.clone().unwrap_or_default()),
        ]
    };
    let rows = tenant.placements.iter().zip(versions).map(row).collect();
    Body::Table(Table::new(&["Store", "Database", "Server", "Generation", "Schema"], rows))
}

async fn staged(of: &StaffedOn) -> Result<Option<Section>> {
    let Some(restore) = of.platform().restores().staged(&of.slug).await? else { return Ok(None) };
    let at = |act: &str| format!("/master-admin/companies/{}/{act}/", of.slug);
    let text = format!(
        "Backup {} is staged since {}. Nothing is changed yet.",
        restore.backup,
        instant(restore.at_us)
    );
    let section = Section::new("staged", "A restore is staged", Body::Facts(vec![])).help(text);
    Ok(Some(section.buttons(vec![
        Button::new("Compare and swap in", at("swap"), "refresh-cw").primary(),
        Button::new("Discard", at("discard"), "x"),
    ])))
}

async fn backups_of(of: &StaffedOn) -> Result<Section> {
    let listed = of.platform().backups().of_tenant(&of.slug, SHOWN).await?;
    let back_up =
        Button::new("Back up now", format!("/master-admin/companies/{}/back-up/", of.slug), "archive");
    if listed.is_empty() {
        let body = Body::Nothing("archive", "No backup yet".into(), "Take one now.".into());
        return Ok(Section::new("backups", "Backups", body).buttons(vec![back_up]));
    }
    let row = |backup: backups::catalog::Listed| {
        let act = |act: &str| format!("/master-admin/companies/{}/{act}/?backup={}", of.slug, backup.id);
        let is_good = backup.state == backups::catalog::State::Good;
        let verified = backup.verified_at_us.map(instant).unwrap_or_else(|| "never".into());
        vec![
            words::at(backup.at_us),
            words::backup(backup.state).small(backup.error.clone().unwrap_or_default()),
            Cell::number(number(backup.rows)),
            Cell::number(bytes(backup.stored_bytes)),
            if is_good { Cell::link("Verify", act("verify")).small(verified) } else { Cell::default() },
            if is_good { Cell::link("Restore", act("restore")) } else { Cell::default() },
        ]
    };
    let head = ["Taken", "State", "Rows", "Size", "Verified", "Restore"];
    let table = Body::Table(Table::new(&head, listed.into_iter().map(row).collect()));
    Ok(Section::new("backups", "Backups", table).buttons(vec![back_up]))
}

async fn operations_of(of: &StaffedOn, tenant: &Listed) -> Result<Section> {
    let filter = Filter { tenant: Some(tenant.id), limit: SHOWN, ..Filter::default() };
    let listed = of.platform().operations().list(&filter).await?;
    let all = Button::new("All", format!("/master-admin/operations/?tenant={}", of.slug), "arrow-right");
    Ok(Section::new("operations", "Operations", super::operations::table(&listed)).buttons(vec![all]))
}

async fn log_of(of: &StaffedOn, tenant: &Listed) -> Result<Section> {
    let query = audit::Query { tenant: Some(tenant.id), limit: SHOWN, ..audit::Query::default() };
    let rows = of.platform().audit().list(&query).await?;
    let row = |row: audit::Row| {
        let by = row.impersonator.as_deref().map(|by| format!("by {by}")).unwrap_or_default();
        vec![
            words::at(row.at_us),
            Cell::text(row.action),
            Cell::text(row.actor).small(by),
            Cell::text(super::words::brief(&row.detail)),
        ]
    };
    let head = ["When", "Action", "By", "Detail"];
    let table = Table::new(&head, rows.into_iter().map(row).collect());
    Ok(Section::new("log", "Audit log", Body::Table(table)))
}

/// Returns what can be done with the tenant in its state.
fn actions(tenant: &Listed, versions: &[Version]) -> Vec<Group> {
    let at = |text: &str, act: &str, icon| {
        Button::new(text, format!("/master-admin/companies/{}/{act}/", tenant.slug), icon)
    };
    let is_open = matches!(tenant.state, State::Active | State::Suspended);
    let mut account = vec![];
    if tenant.state == State::Active {
        account.push(match tenant.maintenance {
            Some(_) => at("End the maintenance", "maintenance", "wrench"),
            None => at("Close for maintenance", "maintenance", "wrench"),
        });
        account.push(at("Suspend", "suspend", "lock"));
    }
    if tenant.state == State::Suspended {
        account.push(at("Resume", "resume", "undo-2"));
    }
    if is_open {
        account.push(at("Plan and subscription", "plan", "credit-card"));
        account.push(at("Short name", "rename", "pencil"));
        account.push(at("Settings", "settings", "settings"));
    }
    let mut data = vec![];
    if is_open {
        data.push(at("Back up", "back-up", "archive"));
        data.push(at("Restore a backup", "restore", "rotate-ccw"));
        data.push(at("Undo the last restore", "undo", "undo-2"));
        data.push(at("Copy as a new company", "clone", "copy"));
        data.push(at("Create missing databases", "databases", "database"));
        if versions.contains(&Version::Behind) {
            data.push(at("Migrate", "migrate", "layers"));
        }
    }
    let mut place = vec![];
    if is_open {
        place.push(at("Move to another server", "move", "truck"));
        place.push(at("Move back", "move-back", "undo-2"));
        place.push(at("Give it a database of its own", "promote", "arrow-up"));
        place.push(at("Put it into the pool", "demote", "arrow-down"));
        place.push(at("Release retained databases", "release", "trash-2"));
    }
    let mut end = vec![];
    match tenant.retirement {
        Some(_) if tenant.state != State::Gone => {
            end.push(at("Revoke the cancellation", "revoke", "undo-2"));
        }
        None if is_open => end.push(at("Cancel the company", "cancel", "x").danger()),
        _ => {}
    }
    if tenant.state == State::Cancelled {
        end.push(at("Purge", "purge", "trash-2").danger());
    }
    let groups = [("Account", account), ("Data", data), ("Where it is", place), ("End", end)];
    let groups = groups.into_iter().filter(|(_, links)| !links.is_empty());
    groups.map(|(label, links)| Group { label, links }).collect()
}
