//! Bodies and answers about databases that owners make and superusers attach. No answer contains a URL.

use super::{AsText, Id, Instant, Limit, Name, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::{
    attachments::{AttachReport, Attachment as Found, Health, Rotated as Done},
    name::{ServerName, StoreName},
};

requests! {
    /// Query of the list of attached databases.
    struct AttachmentsQuery {
        /// Only databases of this tenant.
        tenant: Option<Slug>,
        /// Only attachments after the one with this id.
        after: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }

    /// A database to attach.
    struct NewAttachment {
        tenant: Slug,
        /// Store of the tenant, which has `provision = "external"`.
        store: Name,
        /// `postgresql://…`, or `sqlite:` with the path of a file in an allowed directory. It is stored encrypted and never
        /// shown.
        #[schemars(length(max = 2000))]
        url: String,
        /// True if the platform may create and migrate the tables of the models there.
        #[serde(default)]
        grant_schema: bool,
        /// True to move the tenant's rows from the pool into the database.
        #[serde(default)]
        take_data: bool,
    }

    /// The attached database of a tenant's store.
    struct OfAttachment {
        tenant: Slug,
        store: Name,
    }

    /// The attached database to detach.
    struct Detach {
        tenant: Slug,
        store: Name,
        data: Data,
    }

    /// Query of the schema of a store.
    struct SchemaQuery {
        /// Store of tenants.
        store: Name,
        /// Software of the database: `sqlite` or `postgres`.
        engine: SqlEngine,
    }
}

/// What becomes of the rows of a database that is detached.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Data {
    /// An operation moves them into the pool.
    Take,
    /// They stay in the database.
    Leave,
}

/// Software of a database with SQL.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SqlEngine {
    Sqlite,
    Postgres,
}

answers! {
    /// An attached database.
    struct Attachment from found: Found {
        id: i64 = found.id,
        tenant: String = found.tenant.to_string(),
        store: AsText<StoreName> = AsText(found.store),
        /// Name of the server that stands for the database in placements.
        server: AsText<ServerName> = AsText(found.server),
        /// Database software: `sqlite` or `postgres`.
        engine: &'static str = found.engine.as_str(),
        /// Address without role and password.
        address: String = found.address,
        /// True if the platform may create and migrate the tables of the models there.
        grants_schema: bool = found.grants_schema,
        /// Id of the key that encrypts the URL; null if the URL has no password and no key is configured.
        key: Option<String> = found.key,
        attached_at: Instant = Instant(found.attached_at_us),
        /// True if requests go to the database. False while rows are being moved, and while it is retained.
        in_use: bool = found.in_use,
        health: AsText<Health> = AsText(found.health),
        /// What to do about it.
        remedy: Option<&'static str> = found.health.remedy(),
        /// Time at which that state began.
        health_at: Instant = Instant(found.health_at_us),
    }

    /// Result of attaching a database.
    struct AttachedDatabase from report: AttachReport {
        server: AsText<ServerName> = AsText(report.server),
        /// Address without role and password.
        address: String = report.address,
        /// True if the platform made the tables of the models.
        made_tables: bool = report.made_tables,
        /// Id of the operation that moves rows of the pool into the database; null if none are moved.
        operation: Option<i64> = report.operation,
    }

    /// Result of a rotation of keys.
    struct Rotated from done: Done {
        /// Id of the newest key.
        key: String = done.key,
        /// Number of URLs that were encrypted again.
        encrypted: u64 = done.encrypted,
        /// Servers whose URL could not be opened, so that it is still under another key.
        left: Vec<String> = done.left,
    }
}

/// Answer to a request to detach a database.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Detached {
    /// Id of the operation that moves the rows into the pool; null if the database is detached already.
    pub(crate) operation: Option<i64>,
}

/// The tables that a database must have.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StoreSchema {
    /// Statements that create them, in order.
    pub(crate) statements: Vec<String>,
}
