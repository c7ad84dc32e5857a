//! Tenants, as staff and as their own members see and change them.

use crate::wire::{AsText, Email, Id, Instant, Limit, Name, Password, Slug, plan::Limits};
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

requests! {
    /// Query of the list of tenants.
    struct TenantsQuery {
        /// Part of the name, the slug or the address.
        q: Option<String>,
        /// Only those in this state.
        #[schemars(extend("enum" = ["creating", "active", "suspended", "cancelled", "purging", "gone"]))]
        state: Option<String>,
        /// Only those on this plan.
        plan: Option<String>,
        /// Only those with a database on this server.
        server: Option<Name>,
        /// Only those with a database that is not at the loaded schema.
        behind: Option<bool>,
        /// Only active ones without a good backup.
        without_backup: Option<bool>,
        /// The order; by creation, oldest first, when it is absent.
        #[schemars(extend("enum" = ["oldest", "newest", "name", "slug", "backup"]))]
        sort: Option<String>,
        /// Only entries after the one with this id, in that order.
        after: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }
}

answers! {
    /// A tenant, as staff see it.
    struct Tenant from listed: tenants::Listed {
        id: i64 = listed.id.get(),
        slug: String = listed.slug.to_string(),
        name: String = listed.name,
        email: Email = Email(listed.email),
        state: AsText<tenants::State> = AsText(listed.state),
        /// Reason of the maintenance during which only staff may enter.
        maintenance: Option<String> = listed.maintenance,
        /// Null: it was not cancelled.
        ends: Option<Ends> = listed.retirement.map(Ends::from),
        /// Number of members.
        users: i64 = listed.users,
        /// Code of the plan.
        plan: Option<String> = listed.plan,
        /// State of the subscription.
        subscription: Option<AsText<plans::State>> = listed.subscription.map(AsText),
        /// Days until the trial or paid period ends. Null: open-ended.
        days_remaining: Option<i64> = listed.days_remaining,
        created_at: Instant = Instant(listed.created_at_us),
        /// Instant of its last good backup. Null: it has none.
        last_backup_at: Option<Instant> = listed.backup_at_us.map(Instant),
        placements: Vec<Placement> = listed.placements.into_iter().map(Placement::from).collect(),
    }

    /// Dates of a cancelled tenant.
    struct Ends from ends: tenants::Retirement {
        cancelled_at: Instant = Instant(ends.cancelled_at_us),
        /// Until then it can be used.
        closes_at: Instant = Instant(ends.closes_at_us),
        /// Until then its data is retained.
        purges_at: Instant = Instant(ends.purges_at_us),
    }

    /// The database of a tenant in one store.
    struct Placement from placement: topology::Placement {
        place: Place = placement.place.into(),
        /// Provider of the database: `managed` or `on_demand` (the platform), or `external` (the tenant).
        policy: AsText<Policy> = AsText(placement.policy),
        /// Its name without the generation.
        base: String = placement.base,
        state: AsText<PlacementState> = AsText(placement.state),
        /// Fingerprint of the applied migrations.
        schema_version: Option<String> = placement.schema_version,
        /// Why the last migration failed.
        migration_error: Option<String> = placement.migration_error,
        /// A retained database may be removed from then on. Null: once it is released.
        until: Option<Instant> = placement.until_us.map(Instant),
        /// A retained database is out of use since then.
        kept_at: Option<Instant> = placement.retained_at_us.map(Instant),
    }

    /// Where rows are.
    struct Place from place: place::Place {
        server: AsText<ServerName> = AsText(place.server),
        store: AsText<StoreName> = AsText(place.store),
        /// `pooled`, `schema` or `database`.
        isolation: AsText<Isolation> = AsText(place.isolation),
        /// Name of the database or schema on the server.
        physical: AsText<PhysicalName> = AsText(place.physical),
        /// Id of the tenant.
        tenant: Option<i64> = place.tenant.map(|id| id.get()),
        /// Rises with every move and restore.
        generation: u64 = place.generation,
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

requests! {
    /// A cancellation by the owner.
    struct CancelOwn {
        /// The slug again, so that no owner cancels by accident.
        confirm: String,
        reason: Option<String>,
    }
}

/// The dates of the tenant after a cancellation, or after its end.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Ending {
    pub(crate) slug: String,
    /// Null: it is not cancelled.
    pub(crate) ends: Option<Ends>,
}

requests! {
    /// A tenant to create.
    struct CreateTenant {
        slug: Slug,
        /// Name of the tenant.
        company: String,
        email: Email,
        /// The default one when it is absent.
        plan: Option<Name>,
        /// Creates the owner's account with it.
        password: Option<Password>,
    }
}

answers! {
    /// What was created.
    struct Created from created: tenants::provision::Created {
        /// Id of the tenant.
        tenant: i64 = created.tenant.get(),
        /// Id of the owner, if one was created.
        owner: Option<i64> = created.owner.map(|id| id.get()),
        /// Names of new databases.
        databases: Vec<String> = created.databases,
    }
}

requests! {
    /// A database that the tenant brings.
    struct Attach {
        store: Name,
        /// Name of the database; that of the store's template when it is absent.
        physical: Option<String>,
        /// Its server; the first one of the store when it is absent.
        server: Option<Name>,
    }
}

answers! {
    /// A database in use.
    struct Attached from attached: tenantry::Attached {
        database: AsText<PhysicalName> = AsText(attached.database),
        /// Migrations that have not run in it.
        pending: Vec<String> = attached.pending,
    }
}

requests! {
    /// A suspension.
    struct Suspend {
        reason: String,
    }

    /// A change of plan, of the subscription's state, or of both.
    struct ChangePlan {
        plan: Option<Name>,
        /// `trial`, `active`, `past_due`, `cancelled` or `expired`.
        state: Option<String>,
        /// End of that state.
        ends_at: Option<Instant>,
    }

    /// A new slug.
    struct ChangeSlug {
        slug: Slug,
    }

    /// A cancellation by staff. Periods that are absent come from the configuration.
    struct Cancel {
        /// The slug again.
        confirm: String,
        reason: Option<String>,
        /// Days for which the tenant can still be used.
        grace_days: Option<u32>,
        /// Days after that for which its data is retained.
        retention_days: Option<u32>,
    }

    /// The maintenance mode.
    struct Maintenance {
        on: bool,
        /// Members read it. Required to switch the mode on.
        reason: Option<String>,
    }
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
