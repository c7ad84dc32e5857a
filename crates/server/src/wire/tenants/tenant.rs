//! Bodies and answers about tenants, as staff and as their own members see and change them.

use crate::wire::{AsText, Email, Id, Instant, Limit, Name, Password, Slug, copies::Obstacle, plan::Limits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use tenantry::{
    clock::Clock,
    moves,
    name::{PhysicalName, RoleName, ServerName, StoreName},
    place::{self, Isolation},
    plans, tenants,
    topology::{self, PlacementState, Policy, TenantRecord},
};

requests! {
    /// Query of the list of tenants.
    struct TenantsQuery {
        /// Text that the name, the slug or the address contains.
        q: Option<String>,
        /// Only tenants in this state.
        #[schemars(extend("enum" = ["creating", "active", "suspended", "cancelled", "purging", "gone"]))]
        state: Option<String>,
        /// Only tenants on this plan.
        plan: Option<String>,
        /// Only tenants with a database on this server.
        server: Option<Name>,
        /// Only tenants with a database that is not at the loaded schema.
        behind: Option<bool>,
        /// Only active tenants without a good backup.
        without_backup: Option<bool>,
        /// Only tenants with a database on a server that does not fit their plan.
        misplaced: Option<bool>,
        /// Order of the tenants; by creation, oldest first, if absent.
        #[schemars(extend("enum" = ["oldest", "newest", "name", "slug", "backup"]))]
        sort: Option<String>,
        /// Only tenants after the one with this id, in that order.
        after: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }
}

answers! {
    /// A tenant as staff see it.
    struct Tenant from listed: tenants::Listed {
        id: i64 = listed.id.get(),
        slug: String = listed.slug.to_string(),
        name: String = listed.name,
        email: Email = Email(listed.email),
        state: AsText<tenants::State> = AsText(listed.state),
        /// Reason for maintenance, while only staff may enter.
        maintenance: Option<String> = listed.maintenance,
        /// Dates of the cancellation; null if the tenant was not cancelled.
        ends: Option<Ends> = listed.retirement.map(Ends::from),
        /// Number of members.
        users: i64 = listed.users,
        /// Code of the plan.
        plan: Option<String> = listed.plan,
        /// State of the subscription.
        subscription: Option<AsText<plans::State>> = listed.subscription.map(AsText),
        /// Number of days until the trial or paid period ends; null if it is open-ended.
        days_remaining: Option<i64> = listed.days_remaining,
        created_at: Instant = Instant(listed.created_at_us),
        /// Time of the last good backup; null if there is none.
        last_backup_at: Option<Instant> = listed.backup_at_us.map(Instant),
        placements: Vec<Placement> = listed.placements.into_iter().map(Placement::from).collect(),
    }

    /// Dates of a cancelled tenant.
    struct Ends from ends: tenants::Retirement {
        cancelled_at: Instant = Instant(ends.cancelled_at_us),
        /// Time until which the tenant can be used.
        closes_at: Instant = Instant(ends.closes_at_us),
        /// Time until which the tenant's data is retained.
        purges_at: Instant = Instant(ends.purges_at_us),
    }

    /// The database of a tenant in one store.
    struct Placement from placement: topology::Placement {
        place: Place = placement.place.into(),
        /// Creator of the database: `managed` or `on_demand` (the platform), or `external` (the tenant).
        policy: AsText<Policy> = AsText(placement.policy),
        /// Database name without the generation.
        base: String = placement.base,
        state: AsText<PlacementState> = AsText(placement.state),
        /// Fingerprint of the applied migrations.
        schema_version: Option<String> = placement.schema_version,
        /// Reason why the last migration failed.
        migration_error: Option<String> = placement.migration_error,
        /// Time from which a retained database may be removed; null if an operator must release it first.
        until: Option<Instant> = placement.until_us.map(Instant),
        /// Time since when a retained database is out of use.
        kept_at: Option<Instant> = placement.retained_at_us.map(Instant),
    }

    /// The place of a tenant's rows.
    struct Place from place: place::Place {
        server: AsText<ServerName> = AsText(place.server),
        store: AsText<StoreName> = AsText(place.store),
        /// Isolation of the rows: `pooled`, `schema` or `database`.
        isolation: AsText<Isolation> = AsText(place.isolation),
        /// Name of the database or schema on the server.
        physical: AsText<PhysicalName> = AsText(place.physical),
        /// Id of the tenant.
        tenant: Option<i64> = place.tenant.map(|id| id.get()),
        /// Generation of the place. Every move and restore raises it.
        generation: u64 = place.generation,
    }
}

answers! {
    /// A database on a server without the labels that the tenant's plan asks for.
    struct Misplaced from found: moves::Misplaced {
        store: AsText<StoreName> = AsText(found.store),
        /// Server of the database.
        server: AsText<ServerName> = AsText(found.server),
        /// Isolation of the rows there: `pooled`, `schema` or `database`.
        isolation: AsText<Isolation> = AsText(found.isolation),
        /// Server to which a move with `"fit": true` takes the database; null if no server of the store fits.
        fits: Option<AsText<ServerName>> = found.fits.map(AsText),
    }
}

/// A tenant as staff see it, with the databases that do not fit its plan.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TenantInFull {
    #[serde(flatten)]
    pub(crate) tenant: Tenant,
    /// Databases on servers that do not fit the tenant's plan.
    pub(crate) misplaced: Vec<Misplaced>,
}

/// A tenant after a change of its plan or subscription.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PlanChanged {
    #[serde(flatten)]
    pub(crate) tenant: TenantInFull,
    /// Id of the operation that moves the misplaced databases; null if none began.
    pub(crate) operation: Option<i64>,
    /// Reason why the requested move did not begin, although the plan is changed.
    pub(crate) obstacle: Option<Obstacle>,
}

/// A tenant as its members see it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OwnTenant {
    pub(crate) id: i64,
    pub(crate) slug: String,
    pub(crate) name: String,
    /// Language of its pages; null if each browser chooses.
    pub(crate) language: Option<String>,
    /// Time zone of its pages; null for UTC.
    pub(crate) time_zone: Option<String>,
    pub(crate) state: AsText<tenants::State>,
    /// Reason for maintenance, while only staff may enter.
    pub(crate) maintenance: Option<String>,
    /// Dates of the cancellation; null if the tenant was not cancelled.
    pub(crate) ends: Option<Ends>,
    /// Role of the caller.
    pub(crate) role: Option<AsText<RoleName>>,
    /// Code of the plan.
    pub(crate) plan: Option<String>,
    /// State of the subscription.
    pub(crate) subscription: Option<AsText<plans::State>>,
    /// Number of days until the trial or paid period ends; null if it is open-ended.
    pub(crate) days_remaining: Option<i64>,
    pub(crate) features: BTreeSet<String>,
    pub(crate) limits: Limits,
}

impl OwnTenant {
    /// Returns the tenant as a member with this role sees it now.
    pub(crate) fn new(record: &TenantRecord, role: Option<RoleName>, clock: &Clock) -> Self {
        let (now_us, entitled) = (clock.now_us(), record.entitlements(clock));
        let subscription = record.subscription.as_ref();
        Self {
            id: record.id.get(),
            slug: record.slug.to_string(),
            name: record.name.clone(),
            language: record.locale.language.clone(),
            time_zone: record.locale.time_zone.clone(),
            state: AsText(record.state),
            maintenance: record.maintenance.clone(),
            ends: record.retirement.map(Ends::from),
            role: role.map(AsText),
            plan: subscription.map(|s| s.plan.clone()),
            subscription: subscription.map(|s| AsText(s.state_at(now_us))),
            days_remaining: subscription.and_then(|s| s.days_remaining(now_us)),
            features: entitled.features.clone(),
            limits: entitled.limits.into(),
        }
    }
}

requests! {
    /// Request of an owner to cancel the tenant.
    struct CancelOwn {
        /// Slug of the tenant, repeated so that no owner cancels by accident.
        confirm: String,
        reason: Option<String>,
    }
}

/// The dates of a tenant after its cancellation, or after the cancellation was revoked.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Ending {
    pub(crate) slug: String,
    /// Dates of the cancellation; null if the tenant is not cancelled.
    pub(crate) ends: Option<Ends>,
}

requests! {
    /// A tenant to create.
    struct CreateTenant {
        slug: Slug,
        /// Name of the tenant.
        company: String,
        email: Email,
        /// Code of the plan; the default plan if absent.
        plan: Option<Name>,
        /// Password of the owner's account, which is created if this is present.
        password: Option<Password>,
    }
}

answers! {
    /// Result of creating a tenant.
    struct Created from created: tenants::provision::Created {
        /// Id of the tenant.
        tenant: i64 = created.tenant.get(),
        /// Id of the owner, if one was created.
        owner: Option<i64> = created.owner.map(|id| id.get()),
        /// Names of the new databases.
        databases: Vec<String> = created.databases,
    }
}

requests! {
    /// A database that the tenant brings.
    struct Attach {
        store: Name,
        /// Name of the database; the name from the store's template if absent.
        physical: Option<String>,
        /// Server of the database; the first server of the store if absent.
        server: Option<Name>,
    }
}

answers! {
    /// A database that is in use now.
    struct Attached from attached: tenantry::Attached {
        database: AsText<PhysicalName> = AsText(attached.database),
        /// Migrations that have not run in the database.
        pending: Vec<String> = attached.pending,
    }
}

requests! {
    /// Request to suspend a tenant.
    struct Suspend {
        reason: String,
    }

    /// Change of the plan, of the subscription's state, or of both.
    struct ChangePlan {
        plan: Option<Name>,
        /// State of the subscription: `trial`, `active`, `past_due`, `cancelled` or `expired`.
        state: Option<String>,
        /// Time at which that state ends.
        ends_at: Option<Instant>,
        /// True to move databases on servers that do not fit the plan. Nothing is changed if they cannot move now.
        #[serde(default)]
        r#move: bool,
    }

    /// A new slug for a tenant.
    struct ChangeSlug {
        slug: Slug,
    }

    /// Request of staff to cancel a tenant. Absent periods come from the configuration.
    struct Cancel {
        /// Slug of the tenant, repeated as a confirmation.
        confirm: String,
        reason: Option<String>,
        /// Number of days for which the tenant can still be used.
        grace_days: Option<u32>,
        /// Number of days after the grace period for which the tenant's data is retained.
        retention_days: Option<u32>,
    }

    /// The maintenance mode of a tenant.
    struct Maintenance {
        on: bool,
        /// Reason that members read. Required to switch the mode on.
        reason: Option<String>,
    }
}

/// Settings of a tenant.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Settings {
    #[schemars(extend("type" = "object"))]
    pub(crate) settings: Value,
}

/// A merge patch of a tenant's settings.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("properties" = {"external_id": {"type": ["string", "null"]}}))]
pub(crate) struct SettingsPatch(pub(crate) Map<String, Value>);
