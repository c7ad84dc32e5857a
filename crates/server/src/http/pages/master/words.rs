//! States, sizes and instants as cells of the pages of operators.

use crate::http::pages::words;
use tenantry::{
    backups::catalog,
    operations, plans,
    tenants::{Listed, State},
    topology::versions::Version,
};
use tenantry_console::master::{Cell, Tone};

/// Returns the state of a tenant. A cancelled tenant works until its grace period ends.
pub(in crate::http::pages) fn state(tenant: &Listed) -> Cell {
    match (&tenant.maintenance, &tenant.retirement, tenant.state) {
        (Some(_), _, State::Active) => Cell::tag("Maintenance", Tone::Warn),
        (_, Some(_), State::Active | State::Suspended) => Cell::tag("Cancelled, still open", Tone::Warn),
        (_, _, State::Active) => Cell::tag("Active", Tone::Good),
        (_, _, State::Creating) => Cell::tag("Being created", Tone::Warn),
        (_, _, State::Suspended) => Cell::tag("Suspended", Tone::Bad),
        (_, _, State::Cancelled) => Cell::tag("Closed", Tone::Bad),
        (_, _, State::Purging) => Cell::tag("Being purged", Tone::Bad),
        (_, _, State::Gone) => Cell::tag("Purged", Tone::Plain),
    }
}

/// Returns plan and subscription of a tenant.
pub(in crate::http::pages) fn subscription(tenant: &Listed) -> Cell {
    let (Some(plan), Some(state)) = (&tenant.plan, tenant.subscription) else { return Cell::default() };
    let days = tenant.days_remaining.map(|days| format!(", {days} days")).unwrap_or_default();
    let text = match state {
        plans::State::Active => String::new(),
        other => words::human(other.as_str()),
    };
    Cell::text(plan).small(format!("{text}{days}").trim_start_matches(", ").to_owned())
}

/// Returns the relation of databases to the loaded schema.
pub(in crate::http::pages) fn schema(versions: &[Version]) -> Cell {
    match versions {
        [] => Cell::default(),
        _ if versions.contains(&Version::Ahead) => Cell::tag("Newer than the apps", Tone::Bad),
        _ if versions.contains(&Version::Behind) => Cell::tag("Behind", Tone::Bad),
        _ => Cell::tag("Current", Tone::Good),
    }
}

/// Returns an instant.
pub(in crate::http::pages) fn at(us: i64) -> Cell {
    Cell::at(words::instant(us), words::iso(us))
}

/// Returns an instant, if there is one.
pub(in crate::http::pages) fn maybe_at(us: Option<i64>) -> Cell {
    us.map_or_else(Cell::default, at)
}

/// Returns the state of an operation.
pub(in crate::http::pages) fn operation(one: &operations::Listed) -> Cell {
    use operations::State;
    match one.state {
        _ if one.stuck => Cell::tag("Stuck", Tone::Bad),
        State::Running if one.cancel_requested => Cell::tag("Being cancelled", Tone::Warn),
        State::Running if one.resting => Cell::tag("Waits for its next try", Tone::Warn),
        State::Running => Cell::tag("Running", Tone::Warn),
        State::Unwinding => Cell::tag("Being undone", Tone::Warn),
        State::Done => Cell::tag("Done", Tone::Good),
        State::Undone if one.cancel_requested => Cell::tag("Cancelled and undone", Tone::Plain),
        State::Undone => Cell::tag("Failed and undone", Tone::Bad),
    }
}

/// Returns the state of a backup.
pub(in crate::http::pages) fn backup(state: catalog::State) -> Cell {
    match state {
        catalog::State::Running => Cell::tag("Being made", Tone::Warn),
        catalog::State::Good => Cell::tag("Good", Tone::Good),
        catalog::State::Failed => Cell::tag("Failed", Tone::Bad),
        catalog::State::Damaged => Cell::tag("Damaged", Tone::Bad),
    }
}

/// Returns the name of a kind of operation in words.
pub(in crate::http::pages) fn kind(name: &str) -> String {
    words::human(name)
}

/// Returns the detail of a row of the audit log, shortened.
pub(in crate::http::pages) fn brief(detail: &str) -> String {
    let text: String = detail.chars().take(120).collect();
    if text.len() < detail.len() { text + "…" } else { text.replace("{}", "") }
}
