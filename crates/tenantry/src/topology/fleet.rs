//! Catalog queries of a migration run: which databases are behind, and how their migrations ended
//! (`half-migrated-fleet`).
//!
//! `migrations::fleet` calls it. If nothing needs migration, one index query finds that out, whatever the number of
//! tenants. Otherwise the run reads the tenants once, in order.

use super::placement;
use crate::{
    Result,
    audit::By,
    control::{Control, Subject, Write, params},
    migrations::fleet::{Catalog, Outcome, Target},
    operations::journal::{claims, lease},
};
use tenantry_engine::{
    SqlRow,
    name::{Slug, StoreName, TenantId},
    place::Place,
};

/// The catalog as a migration run uses it.
#[derive(Clone)]
pub struct Fleet {
    /// The catalog.
    pub control: Control,
    /// True to include external databases, which otherwise only their owners migrate.
    pub external: bool,
    /// Actor that runs the migrations.
    pub by: By,
    /// True to leave out databases whose last migration did not fail.
    failed: bool,
    owner: String,
}

impl Fleet {
    /// Creates the catalog view of one run.
    pub fn new(control: Control, external: bool, by: By) -> Self {
        Self { control, external, by, failed: false, owner: lease::new_owner() }
    }

    /// Leaves out databases whose last migration did not fail, if `failed` is true.
    pub fn only_failed(self, failed: bool) -> Self {
        Self { failed, ..self }
    }

    /// Returns the condition for the databases that the run may migrate. An attached database is migrated if its
    /// attachment grants that, and never otherwise.
    fn whose(&self) -> String {
        let failed = if self.failed { "AND migration_error IS NOT NULL " } else { "" };
        let attached = |grants: i32| {
            format!(
                "EXISTS (SELECT 1 FROM attachments AS a WHERE a.server = placements.server AND a.grants_schema = {grants})"
            )
        };
        match self.external {
            true => format!("{failed}AND NOT {}", attached(0)),
            false => format!("{failed}AND (provision <> 'external' OR {})", attached(1)),
        }
    }
}

impl Catalog for Fleet {
    async fn count_behind(&self, store: &StoreName, wanted: &str) -> Result<u64> {
        // Three ranges of the index (store, schema_version, …): below the wanted version, above it, and null.
        let range = |condition| {
            format!(
                "(SELECT count(*) FROM placements WHERE store = ?1 AND state = 'ready' \
                 AND schema_version {condition} {})",
                self.whose()
            )
        };
        let sql = format!("SELECT {} + {} + {}", range("< ?2"), range("> ?2"), range("IS NULL"));
        let mut tx = self.control.snapshot().await?;
        let count = crate::users::count(&mut tx, &sql, params![store.as_str(), wanted]).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn behind(
        &self,
        store: &StoreName,
        wanted: &str,
        after: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<Target>> {
        let columns = placement::COLUMNS;
        // Ordered by tenant, so that each page continues after the previous one without sorting.
        let sql = format!(
            "SELECT {columns}, (SELECT slug FROM tenants WHERE id = tenant) FROM placements \
             INDEXED BY placements_live WHERE tenant > ? AND store = ? AND state IN ('planned','ready') AND state = 'ready' \
             AND schema_version IS DISTINCT FROM ? {} ORDER BY tenant LIMIT ?",
            self.whose()
        );
        let values = params![after.map_or(0, TenantId::get), store.as_str(), wanted, i64::from(limit)];
        self.control.snapshot().await?.query(&sql, values).await?.iter().map(target).collect()
    }

    async fn claim(&self, places: &[&Place]) -> Result<Vec<Option<String>>> {
        let mut write = self.control.begin().await?;
        let mut at_work = Vec::with_capacity(places.len());
        for place in places {
            at_work.push(claims::claim(&mut write, &self.owner, place).await?);
        }
        write.commit_unaudited().await?;
        Ok(at_work)
    }

    async fn record(&self, wanted: &str, outcomes: &[Outcome]) -> Result<()> {
        let mut write = self.control.begin().await?;
        for outcome in outcomes {
            record(&mut write, wanted, outcome).await?;
            claims::release(&mut write, &self.owner, &outcome.target.place).await?;
        }
        let failed: Vec<_> = outcomes.iter().filter(|o| o.result.is_err()).map(|o| &o.target.slug).collect();
        let detail = serde_json::json!({
            "store": outcomes.first().map(|o| &o.target.place.store),
            "schema_version": wanted,
            "migrated": outcomes.len() - failed.len(),
            "failed": failed,
        });
        write.audit(&self.by, None, "tenants.migrate", detail).await?;
        write.commit().await
    }
}

fn target(r: &SqlRow) -> Result<Target> {
    let (tenant, placement) = placement::read(r)?;
    let columns = placement::COLUMNS.split(',').count();
    let slug = Slug::parse(r.text(columns)?)?;
    Ok(Target { tenant, slug, place: placement.place, version: placement.schema_version })
}

/// Records an outcome. A placement that was moved since the run began has another generation and is left unchanged.
async fn record(write: &mut Write, wanted: &str, outcome: &Outcome) -> Result<()> {
    let (version, error) = match &outcome.result {
        Ok(_) => (Some(wanted.to_owned()), None),
        Err(failure) => (outcome.target.version.clone(), Some(failure.public.clone())),
    };
    let sql = "UPDATE placements SET schema_version = ?, migration_error = ? \
        WHERE tenant = ? AND store = ? AND generation = ? AND state = 'ready'";
    let place = &outcome.target.place;
    let generation = i64::try_from(place.generation).unwrap_or(i64::MAX);
    let values = params![version, error, outcome.target.tenant.get(), place.store.as_str(), generation];
    write.execute(sql, values).await?;
    write.invalidate(&Subject::Tenant(outcome.target.tenant)).await
}
