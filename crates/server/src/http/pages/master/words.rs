//! States, sizes and instants as cells of the operators' pages.

use crate::http::pages::words::{self, Words};
use tenantry::{
    backups::catalog,
    operations, plans,
    tenants::{Listed, State},
    topology::versions::Version,
};
use tenantry_console::master::{Cell, Tone};

/// Returns the state of a tenant as a cell. A cancelled tenant works until its grace period ends.
pub(in crate::http::pages) fn state(words: &Words, tenant: &Listed) -> Cell {
    match (&tenant.maintenance, &tenant.retirement, tenant.state) {
        (Some(_), _, State::Active) => Cell::tag(words.say("maintenance"), Tone::Warn),
        (_, Some(_), State::Active | State::Suspended) => {
            Cell::tag(words.say("cancelled-still-open"), Tone::Warn)
        }
        (_, _, State::Active) => Cell::tag(words.say("active"), Tone::Good),
        (_, _, State::Creating) => Cell::tag(words.say("being-created"), Tone::Warn),
        (_, _, State::Suspended) => Cell::tag(words.say("suspended"), Tone::Bad),
        (_, _, State::Cancelled) => Cell::tag(words.say("closed"), Tone::Bad),
        (_, _, State::Purging) => Cell::tag(words.say("being-purged"), Tone::Bad),
        (_, _, State::Gone) => Cell::tag(words.say("purged"), Tone::Plain),
    }
}

/// Returns the plan and subscription of a tenant as a cell.
pub(in crate::http::pages) fn subscription(words: &Words, tenant: &Listed) -> Cell {
    let (Some(plan), Some(state)) = (&tenant.plan, tenant.subscription) else { return Cell::default() };
    let days = tenant.days_remaining.map(|days| words.text("days-left").with("count", days).to_string());
    let state = (state != plans::State::Active).then(|| words.subscription(state));
    let small: Vec<_> = state.into_iter().chain(days).collect();
    Cell::text(words.plan(plan, plan)).small(small.join(", "))
}

/// Returns the relation of databases to the loaded schema as a cell.
pub(in crate::http::pages) fn schema(words: &Words, versions: &[Version]) -> Cell {
    match versions {
        [] => Cell::default(),
        _ if versions.contains(&Version::Ahead) => Cell::tag(words.say("newer-than-the-apps"), Tone::Bad),
        _ if versions.contains(&Version::Behind) => Cell::tag(words.say("behind"), Tone::Bad),
        _ => Cell::tag(words.say("current"), Tone::Good),
    }
}

/// Returns an instant as a cell.
pub(in crate::http::pages) fn at(words: &Words, us: i64) -> Cell {
    Cell::at(words.instant(us), words::iso(us))
}

/// Returns an optional instant as a cell.
pub(in crate::http::pages) fn maybe_at(words: &Words, us: Option<i64>) -> Cell {
    us.map_or_else(Cell::default, |us| at(words, us))
}

/// Returns the state of an operation as a cell.
pub(in crate::http::pages) fn operation(words: &Words, one: &operations::Listed) -> Cell {
    use operations::State;
    match one.state {
        _ if one.stuck => Cell::tag(words.say("stuck"), Tone::Bad),
        State::Running if one.cancel_requested => Cell::tag(words.say("being-cancelled"), Tone::Warn),
        State::Running if one.resting => Cell::tag(words.say("waits-for-its-next-try"), Tone::Warn),
        State::Running => Cell::tag(words.say("running"), Tone::Warn),
        State::Unwinding => Cell::tag(words.say("being-undone"), Tone::Warn),
        State::Done => Cell::tag(words.say("done"), Tone::Good),
        State::Undone if one.cancel_requested => Cell::tag(words.say("cancelled-and-undone"), Tone::Plain),
        State::Undone => Cell::tag(words.say("failed-and-undone"), Tone::Bad),
    }
}

/// Returns the state of a backup as a cell.
pub(in crate::http::pages) fn backup(words: &Words, state: catalog::State) -> Cell {
    match state {
        catalog::State::Running => Cell::tag(words.say("being-made"), Tone::Warn),
        catalog::State::Good => Cell::tag(words.say("backup-good"), Tone::Good),
        catalog::State::Failed => Cell::tag(words.say("backup-failed"), Tone::Bad),
        catalog::State::Damaged => Cell::tag(words.say("backup-damaged"), Tone::Bad),
    }
}

/// Returns the name of an operation's kind in words.
pub(in crate::http::pages) fn kind(words: &Words, name: &str) -> String {
    words.known(&words::human(name))
}

/// Returns the detail of a row of the audit log, shortened.
pub(in crate::http::pages) fn brief(detail: &str) -> String {
    let text: String = detail.chars().take(120).collect();
    if text.len() < detail.len() { text + "…" } else { text.replace("{}", "") }
}

/// Returns the id of the text that names a state of tenants.
pub(in crate::http::pages) fn state_name(state: State) -> &'static str {
    match state {
        State::Active => "active",
        State::Creating => "being-created",
        State::Suspended => "suspended",
        State::Cancelled => "closed",
        State::Purging => "being-purged",
        State::Gone => "purged",
    }
}
