//! `/master-admin/companies/{slug}/`: one company, without its rows.

use super::{people::People, words};
use crate::http::{
    admin::USUAL_DAYS,
    pages::{
        answer::page,
        frame,
        visit::{StaffedOn, query},
        words::Words,
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{
    audit, backups,
    moves::Misplaced,
    operations::Filter,
    tenants::{Listed, State},
    topology::versions::Version,
};
use tenantry_console::{
    Notice,
    master::{Body, Button, Cell, Group, Section, Sheet, Table, Tone},
};

/// Largest numbers of backups, operations and lines of the audit log that are shown.
const SHOWN: u32 = 10;

/// `GET /master-admin/companies/{slug}/`.
pub(in crate::http) async fn show(of: StaffedOn) -> Result<Response> {
    let words = of.words();
    let tenant = of.platform().tenants().show(&of.slug).await?;
    let versions = of.platform().migrations().versions(&tenant).await?;
    let mut frame = frame::of_operator(&of.of, tenant.called());
    frame.notice = done(words, query(&of.of.visit.query).get("_done"));
    let is_gone = tenant.state == State::Gone;
    let mut sections =
        vec![Section::new("overview", words.say("overview"), Body::Facts(facts(&of, &tenant).await))];
    if !is_gone {
        sections.push(Section::new(
            "databases",
            words.say("databases"),
            databases(words, &tenant, &versions),
        ));
        let sizes = of.platform().tenants().sizes(&of.of.actor, &of.slug, USUAL_DAYS).await?;
        sections.push(super::fleet::sizes(words, &sizes, of.platform().now_us()));
        sections.extend(misplaced(&of).await?);
        sections.extend(staged(&of).await?);
    }
    sections.push(backups_of(&of, is_gone).await?);
    sections.push(operations_of(&of, &tenant).await?);
    sections.push(log_of(&of, &tenant).await?);
    let settings = of.platform().tenants().settings(&of.slug).await?;
    let settings = serde_json::to_string_pretty(&settings).unwrap_or_default();
    sections.push(Section::new("settings", words.say("settings"), Body::Code(settings)));
    let actions = actions(words, &tenant, &versions);
    if !actions.is_empty() {
        sections.push(Section::new("actions", words.say("actions"), Body::Links(actions)).side());
    }
    let enter = format!("/master-admin/companies/{}/enter/", of.slug);
    let certificate = format!("/master-admin/companies/{}/certificate/", of.slug);
    let sheet = Sheet {
        frame: &frame,
        back: Some(("/master-admin/companies/".into(), words.say("companies").into())),
        lead: tenant.slug.to_string(),
        tags: vec![words::state(words, &tenant)],
        buttons: match is_gone {
            true => vec![Button::new(words.say("certificate"), certificate, "file").primary()],
            false => vec![Button::new(words.say("enter-company-system"), enter, "door-open").primary()],
        },
        sections,
    };
    Ok(page(StatusCode::OK, &sheet))
}

/// Returns the notice of the act that a form has just done.
fn done(words: &Words, what: &str) -> Option<Notice> {
    let text = match what {
        "visit-over" => {
            return Some(Notice::wrong(words.say("visit-over")));
        }
        "visit-ended" => "done-visit-ended",
        "created" => "done-company-created",
        "suspended" => "done-suspended",
        "resumed" => "done-resumed",
        "maintenance" => "done-maintenance",
        "open" => "done-maintenance-over",
        "plan" => "done-plan",
        "renamed" => "done-renamed",
        "settings" => "done-settings",
        "cancelled" => "done-company-cancelled",
        "kept" => "done-kept",
        "databases" => "done-databases",
        "migrated" => "done-migrated",
        "released" => "done-released",
        "discarded" => "done-discarded",
        "attached" => "done-attached",
        _ => return None,
    };
    Some(Notice::done(words.say(text)))
}

async fn facts(of: &StaffedOn, tenant: &Listed) -> Vec<(String, Cell)> {
    let (words, size) = (of.words(), of.platform().tenants().bytes(tenant).await);
    let mut facts = vec![
        (words.say("short-name"), Cell::text(tenant.slug.as_str())),
        (words.say("id"), Cell::text(tenant.id.to_string())),
        (words.say("e-mail"), Cell::text(&tenant.email)),
        (words.say("members"), Cell::text(words.number(u64::try_from(tenant.users).unwrap_or(0)))),
        (words.say("plan"), words::subscription(words, tenant)),
        (words.say("size-on-disk"), Cell::text(words.bytes(size))),
        (words.say("last-backup"), words::maybe_at(words, tenant.backup_at_us)),
        (words.say("created"), words::at(words, tenant.created_at_us)),
    ];
    if let Some(reason) = &tenant.maintenance {
        facts.push((words.say("api-closed-for-maintenance"), Cell::text(reason)));
    }
    if let Some(ends) = &tenant.retirement {
        facts.push((words.say("cancelled"), words::at(words, ends.cancelled_at_us)));
        facts.push((words.say("can-be-used-until"), words::at(words, ends.closes_at_us)));
        facts.push((words.say("data-is-retained-until"), words::at(words, ends.purges_at_us)));
    }
    facts.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()
}

fn databases(words: &Words, tenant: &Listed, versions: &[Version]) -> Body {
    if tenant.placements.is_empty() {
        return Body::Nothing(
            "database",
            words.say("it-has-no-database").into(),
            words.say("databases-none-help").into(),
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
            words::schema(words, &[*version]).small(p.migration_error.clone().unwrap_or_default()),
        ]
    };
    let rows = tenant.placements.iter().zip(versions).map(row).collect();
    Body::Table(Table::new(&words.each(["store", "database", "server", "generation", "schema"]), rows))
}

/// Returns the databases on servers that do not fit the company's plan.
async fn misplaced(of: &StaffedOn) -> Result<Option<Section>> {
    let (words, found) = (of.words(), of.platform().moves().misplaced(&of.of.actor, &of.slug).await?);
    if found.is_empty() {
        return Ok(None);
    }
    let row = |one: Misplaced| {
        vec![
            Cell::text(one.store.as_str()),
            Cell::text(one.server.as_str()).small(one.isolation.as_str()),
            match one.fits {
                Some(server) => Cell::text(server.as_str()),
                None => Cell::tag(words.say("no-server-fits"), Tone::Bad),
            },
        ]
    };
    let head = words.each(["store", "it-is-now", "server-that-fits"]);
    let table = Table::new(&head, found.into_iter().map(row).collect());
    let moves = Button::new(
        words.say("move-to-another-server"),
        format!("/master-admin/companies/{}/move/", of.slug),
        "truck",
    );
    let section = Section::new("misplaced", words.say("misplaced"), Body::Table(table));
    Ok(Some(section.help(words.say("misplaced-help")).buttons(vec![moves.primary()])))
}

async fn staged(of: &StaffedOn) -> Result<Option<Section>> {
    let Some(restore) = of.platform().restores().staged(&of.slug).await? else { return Ok(None) };
    let at = |act: &str| format!("/master-admin/companies/{}/{act}/", of.slug);
    let words = of.words();
    let text = words
        .text("restore-staged-since")
        .with("backup", restore.backup.to_string())
        .with("at", words.instant(restore.at_us));
    let section = Section::new("staged", words.say("restore-staged"), Body::Facts(vec![])).help(text);
    Ok(Some(section.buttons(vec![
        Button::new(words.say("compare-and-swap-in"), at("swap"), "refresh-cw").primary(),
        Button::new(words.say("discard"), at("discard"), "x"),
    ])))
}

/// Returns the section of the backups. A purged company can only be made anew from one, on the page of all backups.
async fn backups_of(of: &StaffedOn, is_gone: bool) -> Result<Section> {
    let words = of.words();
    let listed = of.platform().backups().of_tenant(&of.slug, SHOWN).await?;
    let back_up = Button::new(
        words.say("back-up-now"),
        format!("/master-admin/companies/{}/back-up/", of.slug),
        "archive",
    );
    let buttons = if is_gone { vec![] } else { vec![back_up] };
    if listed.is_empty() {
        let body =
            Body::Nothing("archive", words.say("no-backup-yet").into(), words.say("take-one-now").into());
        return Ok(Section::new("backups", words.say("backups"), body).buttons(buttons));
    }
    let row = |backup: backups::catalog::Listed| {
        let act = |act: &str| format!("/master-admin/companies/{}/{act}/?backup={}", of.slug, backup.id);
        let is_good = backup.state == backups::catalog::State::Good;
        let verified =
            backup.verified_at_us.map_or_else(|| words.say("never").into(), |us| words.instant(us));
        vec![
            words::at(words, backup.at_us),
            words::backup(words, backup.state).small(backup.error.clone().unwrap_or_default()),
            Cell::number(words.number(backup.rows)),
            Cell::number(words.bytes(backup.stored_bytes)),
            if is_good && !is_gone {
                Cell::link(words.say("verify"), act("verify")).small(verified)
            } else {
                Cell::default()
            },
            match is_good {
                true if is_gone => Cell::link(
                    words.say("as-a-new-company"),
                    format!("/master-admin/backups/{}/restore-as/", backup.id),
                ),
                true => Cell::link(words.say("api-restore"), act("restore")),
                false => Cell::default(),
            },
        ]
    };
    let head = words.each(["taken", "state", "rows", "size", "verified", "api-restore"]);
    let table = Body::Table(Table::new(&head, listed.into_iter().map(row).collect()));
    Ok(Section::new("backups", words.say("backups"), table).buttons(buttons))
}

async fn operations_of(of: &StaffedOn, tenant: &Listed) -> Result<Section> {
    let filter = Filter { tenant: Some(tenant.id), limit: SHOWN, ..Filter::default() };
    let words = of.words();
    let listed = of.platform().operations().list(&filter).await?;
    let all =
        Button::new(words.say("all"), format!("/master-admin/operations/?tenant={}", of.slug), "arrow-right");
    Ok(Section::new("operations", words.say("operations"), super::operations::table(&of.of, &listed).await?)
        .buttons(vec![all]))
}

async fn log_of(of: &StaffedOn, tenant: &Listed) -> Result<Section> {
    let query = audit::Query { tenant: Some(tenant.id), limit: SHOWN, ..audit::Query::default() };
    let words = of.words();
    let rows = of.platform().audit().list(&query).await?;
    let labels = rows.iter().flat_map(|row| [Some(row.actor.as_str()), row.impersonator.as_deref()]);
    let people = People::of(&of.of, &labels.flatten().collect::<Vec<_>>()).await?;
    let row = |row: audit::Row| {
        let by = row
            .impersonator
            .as_deref()
            .map(|by| words.text("audit-by").with("actor", people.name(by)).to_string())
            .unwrap_or_default();
        vec![
            words::at(words, row.at_us),
            Cell::text(row.action),
            Cell::text(people.name(&row.actor)).small(by),
            Cell::text(super::words::brief(&row.detail)),
        ]
    };
    let head = words.each(["when", "action", "by", "detail"]);
    let table = Table::new(&head, rows.into_iter().map(row).collect());
    Ok(Section::new("log", words.say("audit-log"), Body::Table(table)))
}

/// Returns the actions that the tenant's state allows.
fn actions(words: &Words, tenant: &Listed, versions: &[Version]) -> Vec<Group> {
    let at = |text: &'static str, act: &str, icon| {
        Button::new(text, format!("/master-admin/companies/{}/{act}/", tenant.slug), icon)
    };
    let is_open = matches!(tenant.state, State::Active | State::Suspended);
    let mut account = vec![];
    if tenant.state == State::Active {
        account.push(match tenant.maintenance {
            Some(_) => at(words.say("end-the-maintenance"), "maintenance", "wrench"),
            None => at(words.say("close-for-maintenance"), "maintenance", "wrench"),
        });
        account.push(at(words.say("suspend"), "suspend", "lock"));
    }
    if tenant.state == State::Suspended {
        account.push(at(words.say("resume"), "resume", "undo-2"));
    }
    if is_open {
        account.push(at(words.say("plan-and-subscription"), "plan", "credit-card"));
        account.push(at(words.say("short-name"), "rename", "pencil"));
        account.push(at(words.say("settings"), "settings", "settings"));
    }
    let mut data = vec![];
    if is_open {
        data.push(at(words.say("back-up"), "back-up", "archive"));
        data.push(at(words.say("restore-a-backup"), "restore", "rotate-ccw"));
        data.push(at(words.say("undo-the-last-restore"), "undo", "undo-2"));
        data.push(at(words.say("copy-as-a-new-company"), "clone", "copy"));
        data.push(Button::new(
            words.say("prove-it"),
            format!("/master-admin/proof/run/?company={}", tenant.slug),
            "shield-check",
        ));
        data.push(at(words.say("create-missing-databases"), "databases", "database"));
        data.push(at(words.say("attach-a-database"), "attach", "link"));
        if versions.contains(&Version::Behind) {
            data.push(at(words.say("migrate"), "migrate", "layers"));
        }
    }
    let mut place = vec![];
    if is_open {
        place.push(at(words.say("move-to-another-server"), "move", "truck"));
        place.push(at(words.say("move-back"), "move-back", "undo-2"));
        place.push(at(words.say("give-own-database"), "promote", "arrow-up"));
        place.push(at(words.say("put-it-into-the-pool"), "demote", "arrow-down"));
        place.push(at(words.say("release-retained-databases"), "release", "trash-2"));
    }
    let mut end = vec![];
    match tenant.retirement {
        Some(_) if tenant.state != State::Gone => {
            end.push(at(words.say("revoke-the-cancellation"), "revoke", "undo-2"));
        }
        None if is_open => end.push(at(words.say("cancel-the-company"), "cancel", "x").danger()),
        _ => {}
    }
    if tenant.state == State::Cancelled {
        end.push(at(words.say("api-purge"), "purge", "trash-2").danger());
    }
    let groups = [("account", account), ("data", data), ("where-it-is", place), ("the-end", end)];
    let groups = groups.into_iter().filter(|(_, links)| !links.is_empty());
    groups.map(|(label, links)| Group { label: words.say(label), links }).collect()
}
