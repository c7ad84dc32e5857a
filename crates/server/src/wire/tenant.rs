//! Tenants, as staff and as their own members see and change them.

use super::{AsText, Email, Id, Instant, Limit, Name, Password, Slug, plan::Limits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use tenantry::{
    name::{PhysicalName, RoleName, ServerName, StoreName},
    place::{self, Isolation},
    plans, tenants,
    topology::{self, PlacementState, Policy, TenantRecord},
};

/// Query of the list of tenants.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantsQuery {
    /// Part of the name, the slug or the address.
    pub(crate) q: Option<String>,
    /// Only those in this state.
    #[schemars(extend("enum" = ["creating", "active", "suspended", "cancelled", "purging", "gone"]))]
    pub(crate) state: Option<String>,
    /// Only entries after the one with this id.
    pub(crate) after: Option<Id>,
    #[serde(default)]
    pub(crate) limit: Limit,
}

/// A tenant, as staff see it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Tenant {
    pub(crate) id: i64,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) email: Email,
    pub(crate) state: AsText<tenants::State>,
    /// Reason of the maintenance during which only staff may enter.
    pub(crate) maintenance: Option<String>,
    /// Null: it was not cancelled.
    pub(crate) ends: Option<Ends>,
    /// Number of members.
    pub(crate) users: i64,
    /// Code of the plan.
    pub(crate) plan: Option<String>,
    /// State of the subscription.
    pub(crate) subscription: Option<AsText<plans::State>>,
    /// Days until the trial or paid period ends. Null: open-ended.
    pub(crate) days_remaining: Option<i64>,
    pub(crate) created_at: Instant,
    pub(crate) placements: Vec<Placement>,
}

impl From<tenants::Listed> for Tenant {
    fn from(listed: tenants::Listed) -> Self {
        Self {
            id: listed.id.get(),
            slug: listed.slug.to_string(),
            name: listed.name,
            email: Email(listed.email),
            state: AsText(listed.state),
            maintenance: listed.maintenance,
            ends: listed.retirement.map(Ends::from),
            users: listed.users,
            plan: listed.plan,
            subscription: listed.subscription.map(AsText),
            days_remaining: listed.days_remaining,
            created_at: Instant(listed.created_at_us),
            placements: listed.placements.into_iter().map(Placement::from).collect(),
        }
    }
}

/// Dates of a cancelled tenant.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Ends {
    pub(crate) cancelled_at: Instant,
    /// Until then it can be used.
    pub(crate) closes_at: Instant,
    /// Until then its data is retained.
    pub(crate) purges_at: Instant,
}

impl From<tenants::Retirement> for Ends {
    fn from(ends: tenants::Retirement) -> Self {
        Self {
            cancelled_at: Instant(ends.cancelled_at_us),
            closes_at: Instant(ends.closes_at_us),
            purges_at: Instant(ends.purges_at_us),
        }
    }
}

/// The database of a tenant in one store.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Placement {
    pub(crate) place: Place,
    /// Provider of the database: `managed` or `on_demand` (the platform), or `external` (the tenant).
    pub(crate) policy: AsText<Policy>,
    /// Its name without the generation.
    pub(crate) base: String,
    pub(crate) state: AsText<PlacementState>,
    /// Fingerprint of the applied migrations.
    pub(crate) schema_version: Option<String>,
    /// Why the last migration failed.
    pub(crate) migration_error: Option<String>,
    /// A retained database may be removed from then on. Null: once it is released.
    pub(crate) until: Option<Instant>,
    /// A retained database is out of use since then.
    pub(crate) kept_at: Option<Instant>,
}

impl From<topology::Placement> for Placement {
    fn from(placement: topology::Placement) -> Self {
        Self {
            place: placement.place.into(),
            policy: AsText(placement.policy),
            base: placement.base,
            state: AsText(placement.state),
            schema_version: placement.schema_version,
            migration_error: placement.migration_error,
            until: placement.until_us.map(Instant),
            kept_at: placement.retained_at_us.map(Instant),
        }
    }
}

/// Where rows are.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Place {
    pub(crate) server: AsText<ServerName>,
    pub(crate) store: AsText<StoreName>,
    /// `pooled` or `database`.
    pub(crate) isolation: AsText<Isolation>,
    /// Name of the database on the server.
    pub(crate) physical: AsText<PhysicalName>,
    /// Id of the tenant.
    pub(crate) tenant: Option<i64>,
    /// Rises with every move and restore.
    pub(crate) generation: u64,
}

impl From<place::Place> for Place {
    fn from(place: place::Place) -> Self {
        Self {
            server: AsText(place.server),
            store: AsText(place.store),
            isolation: AsText(place.isolation),
            physical: AsText(place.physical),
            tenant: place.tenant.map(|id| id.get()),
            generation: place.generation,
        }
    }
}

/// The tenant, as its members see it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OwnTenant {
    pub(crate) id: i64,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) state: AsText<tenants::State>,
    /// Reason of the maintenance during which only staff may enter.
    pub(crate) maintenance: Option<String>,
    /// Null: it was not cancelled.
    pub(crate) ends: Option<Ends>,
    /// Role of the caller.
    pub(crate) role: Option<AsText<RoleName>>,
    /// Code of the plan.
    pub(crate) plan: Option<String>,
    /// State of the subscription.
    pub(crate) subscription: Option<AsText<plans::State>>,
    /// Days until the trial or paid period ends. Null: open-ended.
    pub(crate) days_remaining: Option<i64>,
    pub(crate) features: BTreeSet<String>,
    pub(crate) limits: Limits,
}

impl OwnTenant {
    /// Returns the tenant as a member with this role sees it now.
    pub(crate) fn new(record: &TenantRecord, role: Option<RoleName>, now_us: i64) -> Self {
        let subscription = record.subscription.as_ref();
        Self {
            id: record.id.get(),
            slug: record.slug.to_string(),
            name: record.name.clone(),
            state: AsText(record.state),
            maintenance: record.maintenance.clone(),
            ends: record.retirement.map(Ends::from),
            role: role.map(AsText),
            plan: subscription.map(|s| s.plan.clone()),
            subscription: subscription.map(|s| AsText(s.state_at(now_us))),
            days_remaining: subscription.and_then(|s| s.days_remaining(now_us)),
            features: record.entitlements.features.clone(),
            limits: record.entitlements.limits.into(),
        }
    }
}

/// A cancellation by the owner.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelOwn {
    /// The slug again, so that no owner cancels by accident.
    pub(crate) confirm: String,
    pub(crate) reason: Option<String>,
}

/// The dates of the tenant after a cancellation, or after its end.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Ending {
    pub(crate) slug: String,
    /// Null: it is not cancelled.
    pub(crate) ends: Option<Ends>,
}

/// A tenant to create.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateTenant {
    pub(crate) slug: Slug,
    /// Name of the tenant.
    pub(crate) company: String,
    pub(crate) email: Email,
    /// The default one when it is absent.
    pub(crate) plan: Option<Name>,
    /// Creates the owner's account with it.
    pub(crate) password: Option<Password>,
}

/// What was created.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Created {
    /// Id of the tenant.
    pub(crate) tenant: i64,
    /// Id of the owner, if one was created.
    pub(crate) owner: Option<i64>,
    /// Names of new databases.
    pub(crate) databases: Vec<String>,
}

impl From<tenants::provision::Created> for Created {
    fn from(created: tenants::provision::Created) -> Self {
        Self {
            tenant: created.tenant.get(),
            owner: created.owner.map(|id| id.get()),
            databases: created.databases,
        }
    }
}

/// A database that the tenant brings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attach {
    pub(crate) store: Name,
    /// Name of the database; that of the store's template when it is absent.
    pub(crate) physical: Option<String>,
    /// Its server; the first one of the store when it is absent.
    pub(crate) server: Option<Name>,
}

/// A database in use.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Attached {
    pub(crate) database: AsText<PhysicalName>,
    /// Migrations that have not run in it.
    pub(crate) pending: Vec<String>,
}

impl From<tenantry::Attached> for Attached {
    fn from(tenantry::Attached { database, pending }: tenantry::Attached) -> Self {
        Self { database: AsText(database), pending }
    }
}

/// A suspension.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suspend {
    pub(crate) reason: String,
}

/// A change of plan, of the subscription's state, or of both.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePlan {
    pub(crate) plan: Option<Name>,
    /// `trial`, `active`, `past_due`, `cancelled` or `expired`.
    pub(crate) state: Option<String>,
    /// End of that state.
    pub(crate) ends_at: Option<Instant>,
}

/// A new slug.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSlug {
    pub(crate) slug: Slug,
}

/// A cancellation by staff. Periods that are absent come from the configuration.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancel {
    /// The slug again.
    pub(crate) confirm: String,
    pub(crate) reason: Option<String>,
    /// Days for which the tenant can still be used.
    pub(crate) grace_days: Option<u32>,
    /// Days after that for which its data is retained.
    pub(crate) retention_days: Option<u32>,
}

/// The maintenance mode.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Maintenance {
    pub(crate) on: bool,
    /// Members read it. Required to switch the mode on.
    pub(crate) reason: Option<String>,
}

/// Settings of a tenant.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Settings {
    #[schemars(extend("type" = "object"))]
    pub(crate) settings: Value,
}

/// A merge patch of settings.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("properties" = {"external_id": {"type": ["string", "null"]}}))]
pub(crate) struct SettingsPatch(pub(crate) Map<String, Value>);
