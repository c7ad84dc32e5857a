//! Public texts for errors of the engine. They depend only on the kind of error, because everything else is private.

use tenantry_engine::Kind;

/// Returns the code of an engine error for [`super::Error::code`].
pub(super) fn code(kind: &Kind) -> &'static str {
    match kind {
        Kind::Missing => "no_database",
        Kind::UnknownServer(_) => "server_unknown",
        Kind::SchemaBehind => "migrations_pending",
        Kind::SchemaAhead | Kind::FormatAhead => "server_outdated",
        Kind::Unique(_) => "not_unique",
        Kind::Reference(_) => "reference",
        Kind::Invalid(..) => "invalid",
        Kind::NotFound => "not_found",
        Kind::Conflict(_) => "version_conflict",
        Kind::Limit(_) => "limit_exceeded",
        Kind::Deadline => "deadline",
        Kind::Denied(_) => "statement_denied",
        Kind::Statement(_) => "statement",
        Kind::Fenced | Kind::Busy | Kind::Outdated => "unavailable",
        Kind::Unreachable => "server_unreachable",
        Kind::InDoubt => "outcome_unknown",
        Kind::DiskFull => "disk_full",
        Kind::NoAccess => "no_access",
        Kind::Io => "disk_failed",
        Kind::Corrupt | Kind::WrongIdentity => "database_damaged",
        _ => "internal",
    }
}

/// Returns the public title of an engine error for [`super::Error::public_title`].
pub(super) fn title(kind: &Kind) -> String {
    match kind {
        Kind::Missing => "the database does not exist".into(),
        Kind::UnknownServer(server) => {
            format!("the database lies on server {server}, which this process was started without")
        }
        Kind::SchemaBehind => "the database is behind: migrations have not run".into(),
        Kind::SchemaAhead => "the database was migrated by newer apps than this server has loaded".into(),
        Kind::FormatAhead => "the database was written by a newer version of this program".into(),
        Kind::Unique(fields) => format!("another record has the same {}", fields.join(", ")),
        Kind::Reference(what) => format!("records of {what} refer to this one"),
        Kind::Invalid(field, reason) => format!("{field}: {reason}"),
        Kind::NotFound => "no such record".into(),
        Kind::Conflict(_) => "the record was changed by somebody else".into(),
        Kind::Limit(what @ ("memory" | "scratch")) => {
            format!("the statement needs more {what} than one statement may take")
        }
        Kind::Limit(what) => format!("the plan's limit on {what} is reached"),
        Kind::Deadline => "the query took too long".into(),
        Kind::Denied(_) => "this statement is not allowed here".into(),
        Kind::Statement(_) => "the statement is not valid".into(),
        Kind::Fenced => "this data is just being moved; nothing was written".into(),
        Kind::Busy | Kind::Outdated => "not available right now".into(),
        Kind::Unreachable => {
            "the database server does not answer; nothing was written, and nothing is lost".into()
        }
        Kind::InDoubt => {
            "the connection was lost during the commit: the change is stored whole, or not at all".into()
        }
        Kind::DiskFull => "the disk is full; nothing was written".into(),
        Kind::NoAccess => "the server may not read or write the database file".into(),
        Kind::Io => "the disk failed to read or write".into(),
        Kind::Corrupt | Kind::WrongIdentity => {
            "the database is damaged, or another one is in its place".into()
        }
        _ => "something went wrong on our side".into(),
    }
}

/// Returns the remedy of an engine error for [`super::Error::remedy`].
pub(super) fn remedy(kind: &Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Missing => {
            "look whether its disk is there; else restore a backup: tenantry check names the database and the command"
        }
        Kind::UnknownServer(_) => {
            "put the server back into tenantry.toml, or, where it is there, restart this process"
        }
        Kind::SchemaBehind => "run: tenantry migrate tenants",
        Kind::SchemaAhead => "restart this server with the current apps",
        Kind::FormatAhead => "an operator updates the program on this server to the newer version",
        Kind::Conflict(_) => "read the record again and repeat the change on it",
        Kind::Reference(_) => "change or delete those records first",
        Kind::Limit("memory" | "scratch") => "filter earlier, or sort, group and collect fewer rows",
        Kind::Limit(_) => "remove something or change to a larger plan",
        Kind::Deadline => "narrow the filter, or ask for fewer rows",
        Kind::Denied(_) => {
            "select from ordinary tables with the functions that are allowed; to search, use LIKE or `q` of lists"
        }
        Kind::DiskFull => "an operator makes room on the server's disk, or moves tenants to another server",
        Kind::NoAccess => {
            "an operator gives the file back to the user that runs the server, readable and writable, on a writable disk"
        }
        Kind::Io => "an operator looks at the disk and the system's log",
        Kind::Corrupt | Kind::WrongIdentity => {
            "an operator restores it: tenantry check names the database and the command; a control store that cannot be \
             read: tenantry restore system"
        }
        Kind::Fenced | Kind::Busy | Kind::Outdated => "try again in a moment",
        Kind::Unreachable => {
            "try again in a moment; if it stays away, an operator looks at the database server and at this server's log"
        }
        Kind::InDoubt => {
            "read the records, or the activity log, to see whether the change is there; repeat it only if it is not"
        }
        _ => return None,
    })
}
