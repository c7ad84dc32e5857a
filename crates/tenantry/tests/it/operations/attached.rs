//! Scenarios of moves between a pool and a database that its owner made: into it, and back.

use super::{
    Scenario,
    moves::{DAY_US, SERVER, demote, finished, ready},
};
use crate::{
    operations::kit::{count, tenant},
    test_platform::{TestPlatform, by, registration, slug},
};
use std::{fs, os::unix::fs::MetadataExt};
use tenantry::internals::run_move;
use tenantry::{
    Result,
    moves::{Move, MoveTenant, Purpose},
    name::{ServerName, TenantId},
    topology::{NewPlacement, Policy},
};
use tenantry_engine::{place::Isolation, sole_name};

const FIRST: u64 = 7;

pub(super) const ATTACH: Scenario = Scenario {
    name: "attach",
    prepare: |w| Box::pin(async { tenant(w, "alpha").await }),
    run: |w| Box::pin(attach(w, FIRST)),
    finished: |w| finished(w, "notes", ["main", "pooled"], ["attached_7", "database"]),
    endless: |w, n| Box::pin(again(w, FIRST + 1 + n)),
    ..SERVER
};

pub(super) const DETACH: Scenario = Scenario {
    name: "detach",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            attach(w, FIRST).await.unwrap();
        })
    },
    run: |w| {
        Box::pin(async {
            name_here(w, FIRST).await;
            demote(w).await
        })
    },
    finished: |w| {
        Box::pin(async {
            name_here(w, FIRST).await;
            finished(w, "notes", ["attached_7", "database"], ["main", "pooled"]).await
        })
    },
    endless: |w, n| Box::pin(again(w, FIRST + 1 + n)),
    ..SERVER
};

/// Records the place of the owner's file in this installation, which may be a copy of the one that attached it.
async fn name_here(w: &TestPlatform, n: u64) {
    let folder = w.installation.dir.join("owners");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.canonicalize().unwrap().join(format!("{n}.db"));
    let (path, number) = (file.display(), file.metadata().unwrap().ino());
    w.catalog(&format!(
        "UPDATE attachments SET url = '{path}', address = '{path}', identity = 'file:{number}:{path}' \
         WHERE id = {n} AND detached_at IS NULL"
    ))
    .await;
}

/// Moves alpha's notes into an owner's file. Records the attachment first, as the verb does.
async fn attach(w: &TestPlatform, n: u64) -> Result<()> {
    let folder = w.installation.dir.join("owners");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.canonicalize().unwrap().join(format!("{n}.db"));
    if !file.exists() {
        fs::write(&file, b"").unwrap();
    }
    let (path, number) = (file.display(), file.metadata().unwrap().ino());
    w.catalog(&format!(
        "INSERT INTO attachments (id, tenant, store, server, engine, address, identity, url, grants_schema, \
           attached_at, health, health_at) \
         VALUES ({n}, 1, 'notes', 'attached_{n}', 'sqlite', '{path}', 'file:{number}:{path}', '{path}', 1, 1, 'ok', 1) \
         ON CONFLICT (id) DO UPDATE SET detached_at = NULL, url = excluded.url"
    ))
    .await;
    let from = ready(w, "notes").await.place;
    let new = NewPlacement {
        store: from.store.clone(),
        server: ServerName::parse(&format!("attached_{n}")).unwrap(),
        isolation: Isolation::Database,
        policy: Policy::External,
        base: sole_name("notes", i64::try_from(n).unwrap()).unwrap(),
        numbered: true,
    };
    let (purpose, tenant, slug) = (Purpose::Move, TenantId::from_raw(1), slug("alpha"));
    let wanted = MoveTenant { purpose, tenant, slug, legs: vec![(from, new)], keep_us: DAY_US };
    run_move(&w.operations, Move::new(&by(), wanted)).await
}

/// Moves into an owner's next file and into the pool, round after round.
async fn again(w: &TestPlatform, n: u64) {
    if count(w, "SELECT count(*) FROM tenants").await == 0 {
        w.operations.create_tenant(&by(), registration("alpha")).await.unwrap();
    }
    match ready(w, "notes").await.place.isolation {
        Isolation::Pooled => attach(w, n).await.unwrap(),
        Isolation::Schema | Isolation::Database => demote(w).await.unwrap(),
    }
}
