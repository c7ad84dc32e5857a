//! Work that waits for an operator, in words, with the button that leads to the remedy.

use crate::http::pages::words::Words;
use tenantry::{Level, Need, Trouble};
use tenantry_console::master::{Button, Item, Tone};

/// Describes a need: what is wrong, and what the operator can do about it.
pub(super) fn item(words: &Words, need: &Need) -> Item {
    let (text, small) = match need.problem {
        Trouble::BackupOverdue
        | Trouble::BackupsFailed
        | Trouble::BackupsDamaged
        | Trouble::WithoutBackup
        | Trouble::Drill => of_backups(words, need),
        Trouble::SchemaBehind | Trouble::SchemaAhead | Trouble::SchemaRefused => of_schemas(words, need),
        Trouble::Maintenance | Trouble::Suspended | Trouble::ClosingSoon | Trouble::PurgeDue => {
            of_tenants(words, need)
        }
        Trouble::Misplaced | Trouble::PlanWithoutServer => of_places(words, need),
        Trouble::IsolationBroken => {
            (words.text("need-isolation").with("count", need.count).into(), detail(need).into())
        }
        _ => of_machine(words, need),
    };
    let tone = match need.level {
        Level::Bad => Tone::Bad,
        Level::Warn => Tone::Warn,
        Level::Note => Tone::Plain,
    };
    Item { tone, text, href: String::new(), small, button: remedy(words, need) }
}

fn detail(need: &Need) -> &str {
    need.detail.as_deref().unwrap_or_default()
}

fn of_backups(words: &Words, need: &Need) -> (String, String) {
    let n = need.count;
    let last = match need.at_us {
        None => words.say("need-never-yet").to_owned(),
        Some(at) => words.text("need-last-on").with("at", words.instant(at)).into(),
    };
    let counted = |id| words.text(id).with("count", n).into();
    match need.problem {
        Trouble::BackupOverdue => {
            (words.text("need-backup-overdue").with("schedule", detail(need)).into(), last)
        }
        Trouble::BackupsFailed => (counted("need-backups-failed"), String::new()),
        Trouble::BackupsDamaged => {
            (counted("need-backups-damaged"), words.say("need-backups-damaged-help").into())
        }
        Trouble::WithoutBackup => (counted("need-without-backup"), String::new()),
        _ if detail(need).is_empty() => (words.say("need-drill-overdue").into(), last),
        _ => (words.say("need-drill-failed").into(), detail(need).into()),
    }
}

fn of_schemas(words: &Words, need: &Need) -> (String, String) {
    let n = need.count;
    match need.problem {
        Trouble::SchemaBehind => (
            words.text("need-schema-behind").with("count", n).into(),
            words.say("need-schema-behind-help").into(),
        ),
        Trouble::SchemaAhead => (
            words.text("need-schema-ahead").with("count", n).into(),
            words.say("need-schema-ahead-help").into(),
        ),
        _ => (
            words.text("need-schema-refused").with("store", detail(need)).into(),
            words.text("need-schema-refused-help").with("count", n).with("command", "tenantry check").into(),
        ),
    }
}

fn of_tenants(words: &Words, need: &Need) -> (String, String) {
    let (n, tenant) = (need.count, need.tenant.as_deref().unwrap_or_default());
    match need.problem {
        Trouble::Maintenance => {
            (words.text("need-maintenance").with("tenant", tenant).into(), detail(need).into())
        }
        Trouble::Suspended => (words.text("need-suspended").with("count", n).into(), String::new()),
        Trouble::ClosingSoon => {
            let at = need.at_us.map(|us| words.instant(us));
            (words.text("need-closing").with("tenant", tenant).into(), at.unwrap_or_default())
        }
        _ => (words.text("need-purge").with("count", n).into(), String::new()),
    }
}

fn of_places(words: &Words, need: &Need) -> (String, String) {
    let plan = detail(need);
    match need.problem {
        Trouble::Misplaced => (
            words.text("need-misplaced").with("count", need.count).with("plan", plan).into(),
            words.text("need-misplaced-help").with("command", need.command().unwrap_or_default()).into(),
        ),
        _ => {
            (words.text("need-no-server").with("plan", plan).into(), words.say("need-no-server-help").into())
        }
    }
}

fn of_machine(words: &Words, need: &Need) -> (String, String) {
    let (n, name) = (need.count, detail(need));
    let at = need.at_us.map(|us| words.instant(us)).unwrap_or_default();
    match need.problem {
        Trouble::OperationStuck => (words.text("need-stuck").with("name", name).into(), at),
        Trouble::OperationFailed => (words.text("need-failed").with("name", name).into(), at),
        Trouble::Orphans => (words.text("need-orphans").with("count", n).into(), String::new()),
        Trouble::DiskLow => (
            words.text("need-disk").with("server", name).into(),
            need.free_bytes
                .map(|free| words.text("bytes-free").with("bytes", words.bytes(free)).into())
                .unwrap_or_default(),
        ),
        Trouble::Unreachable => (
            words.text("need-unreachable").with("server", name).into(),
            words.say("need-unreachable-help").into(),
        ),
        Trouble::Attachment => (
            words
                .text("need-attachment")
                .with("tenant", need.tenant.as_deref().unwrap_or_default())
                .with("what", name)
                .into(),
            words.say("need-attachment-help").into(),
        ),
        Trouble::Background => (
            words.text("need-background").with("name", name).into(),
            words.text("need-background-help").with("count", n).into(),
        ),
        _ => (
            words.text("need-mail").with("count", n).into(),
            words.text("need-mail-help").with("path", "GET /api/admin/mail?state=failed").into(),
        ),
    }
}

/// Returns the button that leads to the remedy, or `None` if no page offers it.
fn remedy(words: &Words, need: &Need) -> Option<Button> {
    let companies = |query: &str| format!("/master-admin/companies/?{query}");
    let tenant = need.tenant.as_deref().unwrap_or_default();
    let operation = || format!("/master-admin/operations/{}/", need.operation.unwrap_or_default());
    let (href, label) = match need.problem {
        Trouble::BackupOverdue | Trouble::BackupsFailed | Trouble::BackupsDamaged | Trouble::Drill => {
            ("/master-admin/backups/".into(), "look")
        }
        Trouble::WithoutBackup => (companies("without_backup=true"), "show-them"),
        Trouble::SchemaBehind | Trouble::SchemaAhead => (companies("behind=true"), "show-them"),
        Trouble::Suspended => (companies("state=suspended"), "show-them"),
        Trouble::Misplaced => (companies(&format!("misplaced=true&plan={}", detail(need))), "show-them"),
        Trouble::PlanWithoutServer => (format!("/admin/plans/{}/", detail(need)), "look"),
        Trouble::PurgeDue => (companies("state=cancelled"), "show-them"),
        Trouble::Unreachable => (companies(&format!("server={}", detail(need))), "show-them"),
        Trouble::Attachment => (format!("/master-admin/companies/{tenant}/"), "look"),
        Trouble::Maintenance => (format!("/master-admin/companies/{tenant}/maintenance/"), "open-it"),
        Trouble::ClosingSoon => (format!("/master-admin/companies/{tenant}/"), "look"),
        Trouble::Orphans | Trouble::DiskLow => ("/master-admin/servers/".into(), "look"),
        Trouble::IsolationBroken => {
            (format!("/master-admin/proof/{}/", need.proof.unwrap_or_default()), "look")
        }
        Trouble::OperationStuck => (operation(), "decide"),
        Trouble::OperationFailed => (operation(), "see-why"),
        _ => return None,
    };
    Some(Button::new(words.say(label), href, "arrow-right"))
}
