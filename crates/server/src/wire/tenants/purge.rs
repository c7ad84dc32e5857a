//! Bodies and answers about the removal of tenants, and about files that belong to no tenant.

use crate::wire::{
    AsText, Id, Instant, Password,
    tenant::{Ends, Place},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tenantry::{
    name::{self, PhysicalName, ServerName},
    purges::operation::{self as purges, Fate},
};

answers! {
    /// All data of a tenant, place by place: the dry run of a purge.
    struct Survey from survey: purges::Survey {
        /// Id of the tenant.
        tenant: i64 = survey.tenant.get(),
        slug: AsText<name::Slug> = AsText(survey.slug),
        state: String = survey.state,
        /// Dates of the retention; null if the tenant was not cancelled.
        ends: Option<Ends> = survey.ends.map(Ends::from),
        traces: Vec<Trace> = survey.traces.into_iter().map(Trace::from).collect(),
    }

    /// One place that holds data of the tenant.
    struct Trace from trace: purges::Trace {
        what: String = trace.what,
        /// Server and database, directory, or table.
        place: String = trace.place,
        /// Number of rows, files or backups.
        count: u64 = trace.count,
        /// Size in bytes; null for rows of the control store.
        bytes: Option<u64> = trace.bytes,
        /// Result of a purge: `removed`, `kept` or `not_removed`.
        fate: AsText<Fate> = AsText(trace.fate),
        /// Checksums of the rows of each model, or the reason why something stays.
        #[serde(skip_serializing_if = "Value::is_null")]
        detail: Value = trace.detail,
    }
}

requests! {
    /// Request to purge a tenant.
    struct Purge {
        /// Slug of the tenant, repeated as a confirmation.
        confirm: String,
        /// Id of the same tenant.
        id: Id,
        /// True to purge although the retention is not over.
        #[serde(default)]
        early: bool,
        /// The caller's own password. It is not needed within ten minutes after the sign-in.
        password: Option<Password>,
    }
}

answers! {
    /// Proof of a purge: a row of the audit log.
    struct Certificate from certificate: tenantry::Certificate {
        /// Id of the audit row.
        row: i64 = certificate.row,
        at: Instant = Instant(certificate.at_us),
        /// The account, key or program that purged the tenant.
        by: String = certificate.by,
        /// What was removed and what stays, place by place.
        #[schemars(extend("type" = "object"))]
        detail: Value = with_instants(certificate.detail),
        /// Hash of the audit row, which the log's chain protects.
        hash: String = certificate.hash,
    }
}

/// Writes the times of a stored certificate as text. The log stores them as microseconds since 1970, under names that
/// end in `at_us`.
fn with_instants(stored: Value) -> Value {
    let member = |(name, value): (String, Value)| match (name.strip_suffix("at_us"), value) {
        (Some(name), Value::Number(us)) => (format!("{name}at"), json!(us.as_i64().map(Instant))),
        (Some(name), Value::Null) => (format!("{name}at"), Value::Null),
        (_, value) => (name, with_instants(value)),
    };
    match stored {
        Value::Object(members) => Value::Object(members.into_iter().map(member).collect()),
        Value::Array(items) => items.into_iter().map(with_instants).collect(),
        other => other,
    }
}

/// A file or rows without a placement, or a placement without a file.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Orphan {
    /// A database file that no placement names.
    File {
        server: AsText<ServerName>,
        file: String,
        bytes: u64,
        modified_at: Instant,
        /// Tenants in the file, as far as its contents show.
        holds: String,
    },
    /// Rows of a tenant in a shared database for which no placement exists.
    Resident {
        server: AsText<ServerName>,
        /// Physical name of the shared database.
        physical: AsText<PhysicalName>,
        store: String,
        /// Id of the tenant.
        tenant: i64,
    },
    /// A placement in use whose file does not exist.
    Placement {
        /// Id of the tenant.
        tenant: Option<i64>,
        place: Place,
    },
}

impl From<tenantry::Orphan> for Orphan {
    fn from(orphan: tenantry::Orphan) -> Self {
        use tenantry::Orphan as Found;
        match orphan {
            Found::File { server, file, bytes, modified_at_us, holds } => {
                let (server, modified_at) = (AsText(server), Instant(modified_at_us));
                Self::File { server, file, bytes, modified_at, holds }
            }
            Found::Resident { server, physical, store, tenant } => {
                Self::Resident { server: AsText(server), physical: AsText(physical), store, tenant }
            }
            Found::Placement { tenant, place } => Self::Placement { tenant, place: place.into() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_of_a_certificate_are_text_and_its_durations_stay() {
        let stored = json!({
            "begun_at_us": 1_000_000, "ends": {"closes_at_us": null}, "kept_days": 7,
            "traces": [{"purges_at_us": 253_402_207_200_000_000_i64}],
        });
        let shown = json!({
            "begun_at": "1970-01-01T00:00:01.000000Z", "ends": {"closes_at": null}, "kept_days": 7,
            "traces": [{"purges_at": "9999-12-30T22:00:00.000000Z"}],
        });
        assert_eq!(with_instants(stored), shown);
    }
}
