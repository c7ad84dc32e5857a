//! What needs an operator, in words, with the button that leads to the remedy.

use crate::http::pages::words::{bytes, instant, many};
use tenantry::{Level, Need, Trouble, counted};
use tenantry_console::master::{Button, Item, Tone};

/// Returns what is wrong, and what can be done about it.
pub(super) fn item(need: &Need) -> Item {
    let (text, small) = match need.problem {
        Trouble::BackupOverdue
        | Trouble::BackupsFailed
        | Trouble::BackupsDamaged
        | Trouble::WithoutBackup
        | Trouble::Drill => of_backups(need),
        Trouble::SchemaBehind | Trouble::SchemaAhead | Trouble::SchemaRefused => of_schemas(need),
        Trouble::Maintenance | Trouble::Suspended | Trouble::ClosingSoon | Trouble::PurgeDue => {
            of_tenants(need)
        }
        _ => of_machine(need),
    };
    let tone = match need.level {
        Level::Bad => Tone::Bad,
        Level::Warn => Tone::Warn,
        Level::Note => Tone::Plain,
    };
    Item { tone, text, href: String::new(), small, button: remedy(need) }
}

fn detail(need: &Need) -> &str {
    need.detail.as_deref().unwrap_or_default()
}

fn of_backups(need: &Need) -> (String, String) {
    let n = need.count;
    let last = need.at_us.map_or_else(|| "never yet".into(), |at| format!("last on {}", instant(at)));
    match need.problem {
        Trouble::BackupOverdue => (format!("Backups of schedule {} are overdue", detail(need)), last),
        Trouble::BackupsFailed => (format!("{} failed in the last day", counted(n, "backup")), String::new()),
        Trouble::BackupsDamaged => {
            (format!("{} damaged", many(n, "backup is", "backups are")), "Take new ones.".into())
        }
        Trouble::WithoutBackup => {
            (format!("{} no good backup", many(n, "company has", "companies have")), String::new())
        }
        _ if detail(need).is_empty() => ("The restore drill is overdue".into(), last),
        _ => ("The last restore drill failed".into(), detail(need).into()),
    }
}

fn of_schemas(need: &Need) -> (String, String) {
    let n = need.count;
    match need.problem {
        Trouble::SchemaBehind => (
            format!("{} behind the apps", many(n, "database is", "databases are")),
            "Requests for them are refused until they are migrated.".into(),
        ),
        Trouble::SchemaAhead => (
            format!("{} migrated by newer apps", many(n, "database was", "databases were")),
            "Update the apps of this server.".into(),
        ),
        _ => (
            format!("A migration of store {} is refused", detail(need)),
            format!("{} not fit it. Run: tenantry check", many(n, "row does", "rows do")),
        ),
    }
}

fn of_tenants(need: &Need) -> (String, String) {
    let (n, tenant) = (need.count, need.tenant.as_deref().unwrap_or_default());
    match need.problem {
        Trouble::Maintenance => (format!("{tenant} is closed for maintenance"), detail(need).into()),
        Trouble::Suspended => {
            (format!("{} suspended", many(n, "company is", "companies are")), String::new())
        }
        Trouble::ClosingSoon => {
            (format!("{tenant} closes soon"), need.at_us.map(instant).unwrap_or_default())
        }
        _ => (format!("The retention of {} is over", many(n, "company", "companies")), String::new()),
    }
}

fn of_machine(need: &Need) -> (String, String) {
    let (n, name) = (need.count, detail(need));
    let at = need.at_us.map(instant).unwrap_or_default();
    match need.problem {
        Trouble::OperationStuck => (format!("Stuck: {name}"), at),
        Trouble::OperationFailed => (format!("Failed and undone: {name}"), at),
        Trouble::Orphans => (
            format!("{} without a counterpart", many(n, "file or place is", "files or places are")),
            String::new(),
        ),
        Trouble::DiskLow => {
            (format!("The disk of server {name} is nearly full"), format!("{} free", bytes(n)))
        }
        Trouble::Unreachable => {
            (format!("Server {name} does not answer"), "Requests of companies on it are refused.".into())
        }
        Trouble::Background => (
            format!("Background work fails: {name}"),
            format!("{} in a row; see the log", counted(n, "time")),
        ),
        _ => (
            format!("{} could not be sent", counted(n, "letter")),
            "See GET /api/admin/mail?state=failed".into(),
        ),
    }
}

/// Returns the button that leads to the remedy. `None`: there is no page for it.
fn remedy(need: &Need) -> Option<Button> {
    let companies = |query: &str| format!("/master-admin/companies/?{query}");
    let tenant = need.tenant.as_deref().unwrap_or_default();
    let operation = || format!("/master-admin/operations/{}/", need.operation.unwrap_or_default());
    let (href, label) = match need.problem {
        Trouble::BackupOverdue | Trouble::BackupsFailed | Trouble::BackupsDamaged | Trouble::Drill => {
            ("/master-admin/backups/".into(), "Look")
        }
        Trouble::WithoutBackup => (companies("without_backup=true"), "Show them"),
        Trouble::SchemaBehind | Trouble::SchemaAhead => (companies("behind=true"), "Show them"),
        Trouble::Suspended => (companies("state=suspended"), "Show them"),
        Trouble::PurgeDue => (companies("state=cancelled"), "Show them"),
        Trouble::Unreachable => (companies(&format!("server={}", detail(need))), "Show them"),
        Trouble::Maintenance => (format!("/master-admin/companies/{tenant}/maintenance/"), "Open it"),
        Trouble::ClosingSoon => (format!("/master-admin/companies/{tenant}/"), "Look"),
        Trouble::Orphans | Trouble::DiskLow => ("/master-admin/servers/".into(), "Look"),
        Trouble::OperationStuck => (operation(), "Decide"),
        Trouble::OperationFailed => (operation(), "See why"),
        _ => return None,
    };
    Some(Button::new(label, href, "arrow-right"))
}
