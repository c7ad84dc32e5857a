//! Tenants, plans, users and the cache of the control plane, on a real control store.

use crate::test_platform::{TestPlatform, by, desk, operator, placement, registration, role, slug};
use tenantry::{
    Error,
    audit::Query,
    clock::DAY_US,
    internals::{create_user, members, settings, topology},
    plans::{Initialized, State as Sub, SubscriptionChange},
    tenants::{Filter, State},
    topology::Policy,
    users::NewUser,
};

#[tokio::test]
async fn a_registration_makes_everything_and_lists_every_column() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    let made = w.operations.create_tenant(&by(), registration("city-hospital")).await.unwrap();
    assert_eq!(made.databases, ["tenant_city-hospital_1", "papers_city-hospital_1", "notes_pool"]);
    assert_eq!(w.databases().await, ["notes_pool.1", "papers_city-hospital_1", "tenant_city-hospital_1"]);

    let listed = w.platform.tenants().list(&Filter { limit: 10, ..Filter::default() }).await.unwrap();
    let t = &listed[0];
    assert_eq!((t.slug.as_str(), t.name.as_str(), t.users), ("city-hospital", "The city-hospital", 1));
    assert_eq!(
        (t.state, t.subscription, t.plan.as_deref()),
        (State::Active, Some(Sub::Trial), Some("small"))
    );
    assert_eq!(t.days_remaining, Some(14));
    assert_eq!(t.placements.len(), 3);
    assert!(
        t.placements.iter().all(|p| p.schema_version.as_deref() == Some(&*w.version(p.place.store.as_str())))
    );
    assert_eq!(w.platform.tenants().show(&slug("city-hospital")).await.unwrap(), *t);
    let owner = w.platform.users().by_email(&operator(), "Owner@City-Hospital.test").await.unwrap();
    assert_eq!(Some(owner.id), made.owner);
    let mut tx = w.control.snapshot().await.unwrap();
    assert_eq!(members::role(&mut tx, owner.id, made.tenant).await.unwrap(), Some(role("owner")));
}

#[tokio::test]
async fn a_taken_name_or_address_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    w.operations.create_tenant(&by(), registration("alpha")).await.unwrap();
    let again = w.operations.create_tenant(&by(), registration("alpha")).await.unwrap_err();
    assert!(matches!(again, Error::Conflict(_)), "{again}");
    let mut same_owner = registration("beta");
    same_owner.owner = registration("alpha").owner;
    let refused = w.operations.create_tenant(&by(), same_owner).await.unwrap_err();
    assert!(matches!(refused, Error::Conflict(_)), "{refused}");
    let mut no_plan = registration("beta");
    no_plan.plan = Some("nonsense".into());
    assert!(matches!(w.operations.create_tenant(&by(), no_plan).await, Err(Error::Invalid { .. })));
    assert_eq!(w.databases().await.len(), 3, "nothing was made");
    let all = Filter { limit: 10, ..Filter::default() };
    assert_eq!(w.platform.tenants().list(&all).await.unwrap().len(), 1);
}

#[tokio::test]
async fn without_plans_the_remedy_is_to_initialise_them() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await;
    let e = w.operations.create_tenant(&by(), registration("alpha")).await.unwrap_err();
    assert_eq!(e.remedy().as_deref(), Some("run: tenantry plan init"));
}

#[tokio::test]
async fn plans_are_initialised_once_and_follow_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    let again = w.platform.plans().initialise(&operator()).await.unwrap();
    assert_eq!(again, Initialized::default(), "idempotent");
    let w = desk(dir.path()).set("plans.small", "trial_days = 30").without("plans.large").open().await;
    let done = w.platform.plans().initialise(&operator()).await.unwrap();
    assert_eq!((done.created, done.updated, done.archived), (0, 1, 1));
    assert!(w.platform.plans().by_code("large").await.is_err(), "archived plans take no new tenants");
}

#[tokio::test]
async fn suspension_trial_end_and_plan_reach_the_cache_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    // A second process from SQLite's point of view: a separate engine on the same file.
    let other = TestPlatform::open(dir.path()).await;
    w.operations.create_tenant(&by(), registration("alpha")).await.unwrap();
    let cache = topology(&other.control, 10);
    let fetch = async || {
        other.control.refresh().await.unwrap();
        cache.by_slug(&slug("alpha")).await.unwrap()
    };
    let record = fetch().await;
    assert_eq!(record.place("tenant").unwrap().physical.as_str(), "tenant_alpha_1");
    assert!(record.entitlements(other.control.clock()).has("reports"));
    assert!(std::sync::Arc::ptr_eq(&record, &fetch().await), "warm");

    let alpha = slug("alpha");
    w.platform.tenants().suspend(&operator(), &alpha, "unpaid").await.unwrap();
    assert_eq!(fetch().await.state, State::Suspended);

    assert!(w.platform.tenants().suspend(&operator(), &alpha, "twice").await.is_err());
    w.platform.tenants().resume(&operator(), &alpha).await.unwrap();
    w.platform
        .plans()
        .change_subscription(&operator(), &alpha, SubscriptionChange::to_plan("large"))
        .await
        .unwrap();
    let record = fetch().await;
    assert_eq!(
        (record.state, record.entitlements(other.control.clock()).limits.users),
        (State::Active, None)
    );

    let subscription = record.subscription.clone().unwrap();
    assert!(subscription.live_at(w.control.now_us()));
    w.control.clock().advance_us(15 * DAY_US);
    assert!(!subscription.live_at(w.control.now_us()));
    assert_eq!(
        fetch().await.subscription.as_ref().unwrap().stored,
        Sub::Trial,
        "the end is computed, not stored"
    );
}

#[tokio::test]
async fn a_store_without_database_is_an_error_with_its_remedy_never_another_place() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    let mut wanted = registration("alpha");
    wanted.placements = vec![placement("alpha", "tenant", Policy::OnDemand)];
    w.operations.create_tenant(&by(), wanted).await.unwrap();
    let cache = topology(&w.control, 10);
    for store in ["tenant", "papers"] {
        let e = cache.by_slug(&slug("alpha")).await.unwrap().place(store).unwrap_err();
        assert_eq!(e.remedy().as_deref(), Some("run: tenantry tenant create-database alpha"));
    }
    let all = || {
        vec![placement("alpha", "tenant", Policy::OnDemand), placement("alpha", "papers", Policy::Managed)]
    };
    let made = w.operations.create_databases(&by(), &slug("alpha"), all()).await.unwrap();
    assert_eq!(made.databases, ["tenant_alpha_1", "papers_alpha_1"]);
    w.control.refresh().await.unwrap();
    let record = cache.by_slug(&slug("alpha")).await.unwrap();
    assert!(record.place("tenant").is_ok() && record.place("papers").is_ok());
    let none = w.operations.create_databases(&by(), &slug("alpha"), all()).await.unwrap();
    assert!(none.databases.is_empty(), "all are there");

    // A lost database is replaced under a name that was never in use (`no-reuse`), and only on request.
    std::fs::remove_file(w.root.join("papers_alpha_1.db")).unwrap();
    let again = w.operations.create_databases(&by(), &slug("alpha"), all()).await.unwrap();
    assert_eq!(again.databases, ["papers_alpha_2"]);
}

#[tokio::test]
async fn the_last_owner_stays_and_the_plan_limits_members_in_the_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    let made = w.operations.create_tenant(&by(), registration("alpha")).await.unwrap();
    let (tenant, owner) = (made.tenant, made.owner.unwrap());
    let mut write = w.control.begin().await.unwrap();
    let mut ids = vec![];
    for n in 0..2 {
        let new = NewUser {
            email: format!("n{n}@x.test"),
            name: "N".into(),
            password_hash: None,
            standing: Default::default(),
        };
        ids.push(create_user(&mut write, &by(), &new).await.unwrap());
    }
    members::add(&mut write, &by(), ids[0], tenant, &role("doctor")).await.unwrap();
    let full = members::add(&mut write, &by(), ids[1], tenant, &role("doctor")).await.unwrap_err();
    assert!(matches!(full, Error::LimitExceeded { limit: "users" }), "{full}");
    for refused in [
        members::remove(&mut write, &by(), owner, tenant, &role("owner")).await,
        members::set_role(&mut write, &by(), owner, tenant, &role("doctor"), &role("owner")).await,
    ] {
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    members::set_role(&mut write, &by(), ids[0], tenant, &role("owner"), &role("owner")).await.unwrap();
    members::remove(&mut write, &by(), owner, tenant, &role("owner")).await.unwrap();
    write.commit().await.unwrap();
    let mut tx = w.control.snapshot().await.unwrap();
    assert_eq!(members::of_tenant(&mut tx, tenant).await.unwrap().len(), 1);
    assert_eq!(members::role(&mut tx, owner, tenant).await.unwrap(), None);
}

#[tokio::test]
async fn a_change_without_its_audit_row_does_not_commit_audited_commit() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    let mut write = w.control.begin().await.unwrap();
    write.execute("UPDATE plans SET price = '0'", &[]).await.unwrap();
    assert!(write.commit().await.is_err());
    assert_ne!(w.platform.plans().by_code("small").await.unwrap().spec.price, "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_made_on_demand_is_made_once_for_many_callers() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    let mut wanted = registration("alpha");
    wanted.placements = vec![placement("alpha", "tenant", Policy::OnDemand)];
    let tenant = w.operations.create_tenant(&by(), wanted).await.unwrap().tenant;
    assert!(w.databases().await.is_empty());
    let callers = (0..8).map(|_| {
        let operations = w.operations.clone();
        tokio::spawn(async move { operations.ensure_database(&by(), tenant, "tenant").await.unwrap() })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap().physical.as_str(), "tenant_alpha_1");
    }
    assert_eq!(w.databases().await, ["tenant_alpha_1"]);
    let e = w.operations.ensure_database(&by(), tenant, "papers").await.unwrap_err();
    assert_eq!(e.code(), "no_database", "what the catalog does not know is not made");
}

#[tokio::test]
async fn an_identity_of_another_issuer_is_one_users() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    let mut owners = vec![];
    for name in ["alpha", "beta"] {
        let made = w.operations.create_tenant(&by(), registration(name)).await.unwrap();
        owners.push(made.owner.unwrap());
    }
    let link = async |owner| {
        w.platform.users().link_identity(&operator(), owner, "https://id.example", "sub-1").await
    };
    link(owners[0]).await.unwrap();
    let taken = link(owners[1]).await.unwrap_err();
    assert!(matches!(taken, Error::Conflict(_)), "{taken}");
    let query = Query { limit: 1, ..Query::default() };
    let newest = w.platform.audit().list(&query).await.unwrap();
    assert_eq!(newest[0].action, "user.link_identity");
}

#[tokio::test]
async fn settings_are_changed_with_their_audit_row() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    let mut write = w.control.begin().await.unwrap();
    settings::set(&mut write, &by(), "banner", &serde_json::json!("hello")).await.unwrap();
    write.commit().await.unwrap();
    let mut tx = w.control.snapshot().await.unwrap();
    assert_eq!(settings::get(&mut tx, "banner").await.unwrap(), Some("hello".into()));
    assert_eq!(settings::get(&mut tx, "nothing").await.unwrap(), None);
}

#[tokio::test]
async fn what_other_issuers_call_a_tenant_is_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    for name in ["alpha", "beta"] {
        w.operations.create_tenant(&by(), registration(name)).await.unwrap();
    }
    let call = async |tenant: &str, name: &str| {
        let changes = serde_json::json!({ "external_id": name }).as_object().unwrap().clone();
        w.platform.tenants().change_settings(&operator(), &slug(tenant), changes).await
    };
    call("alpha", "org_1").await.unwrap();
    let taken = call("beta", "org_1").await.unwrap_err();
    assert!(matches!(taken, Error::Conflict(_)), "{taken}");
    call("beta", "org_2").await.unwrap();
    let mut tx = w.control.snapshot().await.unwrap();
    let plan =
        tx.query("EXPLAIN QUERY PLAN SELECT id FROM tenants WHERE settings ->> 'external_id' = 'x'", &[]);
    let plan = format!("{:?}", plan.await.unwrap());
    assert!(plan.contains("tenants_external"), "found by an index: {plan}");
}
