//! Tests of the swap on a real catalog: one placement is in use at any time, no request is routed elsewhere, and a
//! stale copy is refused.

use super::*;
use crate::{
    Platform,
    access::Operator,
    config::Config,
    tenants::{NewTenant, provision::Created},
    topology::Policy,
};
use tenantry_engine::{
    name::{PhysicalName, ServerName, Slug},
    place::Isolation,
};

struct World {
    platform: Platform,
    tenant: TenantId,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let platform = Platform::open(Config::defaults_in(dir.path())).await.unwrap();
        platform.plans().initialise(&Operator::new("system")).await.unwrap();
        let slug = Slug::parse("alpha").unwrap();
        let new = NewTenant { slug, name: "Alpha".into(), email: "a@alpha.test".into() };
        let Created { tenant, .. } =
            platform.tenants().create(&Operator::new("system"), new, None, None).await.unwrap();
        Self { platform, tenant, _dir: dir }
    }

    async fn write(&self) -> Write {
        self.platform.control().begin().await.unwrap()
    }

    /// Returns the database in use, and asserts that requests are routed to it.
    async fn in_use(&self) -> Place {
        let store = StoreName::parse("tenant").unwrap();
        self.platform.control().refresh().await.unwrap();
        let routed = self.platform.0.topology.by_id(self.tenant).await.unwrap();
        let mut tx = self.platform.control().snapshot().await.unwrap();
        let ready = ready(&mut tx, self.tenant, &store).await.unwrap().unwrap();
        assert_eq!(routed.place("tenant").unwrap(), &ready.place);
        assert_eq!(routed.placements.len(), 1, "nobody is routed to what is beside or kept");
        ready.place
    }

    fn wanted(&self, base: &str) -> NewPlacement {
        NewPlacement {
            store: StoreName::parse("tenant").unwrap(),
            server: ServerName::parse("main").unwrap(),
            isolation: Isolation::Database,
            policy: Policy::Managed,
            base: PhysicalName::parse(base).unwrap(),
            numbered: true,
        }
    }

    async fn staged(&self, base: &str) -> Place {
        let mut write = self.write().await;
        let place = insert_staged(&mut write, self.tenant, &self.wanted(base)).await.unwrap();
        write.commit_unaudited().await.unwrap();
        place
    }

    async fn retained(&self) -> Vec<Placement> {
        retained(&mut self.platform.control().snapshot().await.unwrap(), self.tenant).await.unwrap()
    }
}

#[tokio::test]
async fn a_swap_and_its_undo_leave_one_in_use_and_the_other_kept() {
    let w = World::new().await;
    let old = w.in_use().await;
    // A new name still gets a new generation: (tenant, store, generation) never repeats.
    let new = w.staged("elsewhere_alpha").await;
    assert_eq!((new.generation, new.physical.as_str()), (old.generation + 1, "elsewhere_alpha_2"));
    assert_eq!(w.in_use().await, old);

    let mut write = w.write().await;
    swap(&mut write, &old, &new, Some(77)).await.unwrap();
    write.commit_unaudited().await.unwrap();
    assert_eq!(w.in_use().await, new);
    let retained = w.retained().await;
    assert_eq!((retained[0].place.clone(), retained[0].until_us, retained.len()), (old.clone(), Some(77), 1));
    let mut tx = w.platform.control().snapshot().await.unwrap();
    assert!(release_due(&mut tx, 76, 10).await.unwrap().is_empty());
    assert_eq!(release_due(&mut tx, 77, 10).await.unwrap(), retained);
    drop(tx);

    let mut write = w.write().await;
    swap_back(&mut write, &old, &new).await.unwrap();
    discard(&mut write, &new, 5).await.unwrap();
    write.commit_unaudited().await.unwrap();
    assert_eq!(w.in_use().await, old);
    assert_eq!(w.retained().await[0].place, new);
}

#[tokio::test]
async fn a_swap_is_refused_unless_it_replaces_the_one_in_use_by_a_copy() {
    let w = World::new().await;
    let old = w.in_use().await;
    let (first, second) = (w.staged("tenant_alpha").await, w.staged("tenant_alpha").await);
    let mut write = w.write().await;
    swap(&mut write, &old, &first, None).await.unwrap();
    write.commit_unaudited().await.unwrap();
    for (from, to) in [(&old, &second), (&first, &first), (&first, &old), (&second, &first)] {
        let error = swap(&mut w.write().await, from, to, None).await.unwrap_err();
        assert_eq!(error.code(), "conflict", "{from:?} → {to:?}: {error}");
    }
    let error = swap_back(&mut w.write().await, &old, &second).await.unwrap_err();
    assert_eq!(error.code(), "conflict");
    assert!(release(&mut w.write().await, &first).await.is_err(), "in use");
    assert_eq!(w.in_use().await, first);
}

#[tokio::test]
async fn a_copy_of_another_schema_is_not_swapped_in_half_migrated_fleet() {
    let w = World::new().await;
    let old = w.in_use().await;
    let new = w.staged("tenant_alpha").await;
    let mut write = w.write().await;
    set_version(&mut write, &old, "migrated-meanwhile").await.unwrap();
    write.commit_unaudited().await.unwrap();
    let refused = swap(&mut w.write().await, &old, &new, None).await.unwrap_err();
    assert!(refused.public_title().contains("make the copy anew"), "{refused}");
    // A copy that was migrated too fits again.
    let mut write = w.write().await;
    set_version(&mut write, &new, "migrated-meanwhile").await.unwrap();
    swap(&mut write, &old, &new, None).await.unwrap();
    write.commit_unaudited().await.unwrap();
    assert_eq!(w.in_use().await, new);
}
