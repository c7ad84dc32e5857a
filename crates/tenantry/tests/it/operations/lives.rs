//! Scenarios of clones, imports and purges.

use super::{
    Scenario,
    kit::{contents, count, nth, rows, tenant, whole},
};
use crate::test_platform::{TestPlatform, confirmed, operator, slug};
use std::{io::Write, path::PathBuf};
use tenantry::{Error, NewFromCopy, Result, operations::State, tenants::Terms};

/// A clone: a second tenant with the rows of the first, in all isolations.
pub(super) const CLONE: Scenario = Scenario {
    name: "clone",
    kind: "clone",
    prepare: |w| Box::pin(tenant(w, "alpha")),
    run: |w| Box::pin(async { ended(w, cloned(w, "beta").await).await }),
    finished: |w| Box::pin(second(w, "tenant.clone")),
    endless: |w, n| {
        Box::pin(async move {
            alpha(w).await;
            ended(w, cloned(w, nth(n).as_str()).await).await.unwrap();
        })
    },
};

/// An import: a second tenant with the same rows, from an archive.
pub(super) const IMPORT: Scenario = Scenario {
    name: "import",
    kind: "import",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            archive(w).await;
        })
    },
    run: |w| Box::pin(async { ended(w, imported(w, "beta").await).await }),
    finished: |w| Box::pin(second(w, "tenant.import")),
    endless: |w, n| {
        Box::pin(async move {
            alpha(w).await;
            archive(w).await;
            ended(w, imported(w, nth(n).as_str()).await).await.unwrap();
        })
    },
};

/// A purge of a closed tenant with all its data.
pub(super) const PURGE: Scenario = Scenario {
    name: "purge",
    kind: "purge",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            close(w, "alpha").await;
        })
    },
    run: |w| Box::pin(purge(w, "alpha")),
    finished: |w| {
        Box::pin(async {
            whole(w).await;
            let certified = "SELECT count(*) FROM audit WHERE action = 'tenant.purge'";
            let state = w.platform.tenants().show(&slug("alpha")).await.unwrap();
            let users = count(w, "SELECT count(*) FROM users").await;
            let left = count(w, "SELECT count(*) FROM placements WHERE state <> 'gone'").await;
            match (state.state.as_str(), count(w, certified).await, users, left) {
                ("gone", 1, 0, 0) => {
                    assert_eq!((state.name.as_str(), state.email.as_str()), ("", ""));
                    true
                }
                ("cancelled", 0, 1, 3) => {
                    assert_eq!(contents(w, "alpha").await, rows());
                    false
                }
                other => panic!("half-purged: {other:?}"),
            }
        })
    },
    endless: |w, n| {
        Box::pin(async move {
            let name = nth(n);
            tenant(w, name.as_str()).await;
            close(w, name.as_str()).await;
            purge(w, name.as_str()).await.unwrap();
        })
    },
};

async fn alpha(w: &TestPlatform) {
    if count(w, "SELECT count(*) FROM tenants WHERE slug = 'alpha'").await == 0 {
        tenant(w, "alpha").await;
    }
}

fn like(name: &str) -> NewFromCopy {
    NewFromCopy { plan: Some("small".into()), ..NewFromCopy::named(name) }
}

async fn cloned(w: &TestPlatform, name: &str) -> Result<i64> {
    w.platform.arrivals().from_tenant(&operator(), &slug("alpha"), false, like(name)).await
}

async fn imported(w: &TestPlatform, name: &str) -> Result<i64> {
    w.platform.arrivals().from_archive(&operator(), archive_path(w), like(name)).await
}

fn archive_path(w: &TestPlatform) -> PathBuf {
    w.platform.config().platform.data_dir.join("alpha.zip")
}

/// Writes the archive completely or not at all, even if the process is killed meanwhile.
async fn archive(w: &TestPlatform) {
    let path = archive_path(w);
    if path.exists() {
        return;
    }
    let half = path.with_extension("part");
    let mut file = std::fs::File::create(&half).unwrap();
    let mut export = w.platform.exports().start_as_operator(&operator(), &slug("alpha")).await.unwrap();
    while let Some(piece) = export.pieces.recv().await {
        file.write_all(&piece.unwrap()).unwrap();
    }
    std::fs::rename(half, path).unwrap();
    tidy(w).await;
}

/// Waits for scratch to be empty: it is removed shortly after the last chunk of an export and the last journal entry.
async fn tidy(w: &TestPlatform) {
    let scratch = w.platform.config().platform.data_dir.join("scratch");
    for _ in 0..2_000 {
        if std::fs::read_dir(&scratch).map_or(0, Iterator::count) == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

pub(super) async fn close(w: &TestPlatform, name: &str) {
    let id = w.platform.tenants().id_of(&slug(name)).await.unwrap();
    let now = Terms { grace_days: 0, retention_days: 0 };
    w.platform.tenants().cancel(&operator(), id, Some(now), None).await.unwrap();
}

pub(super) async fn purge(w: &TestPlatform, name: &str) -> Result<()> {
    let id = w.platform.tenants().id_of(&slug(name)).await?;
    ended(w, w.platform.purges().start(&confirmed(&w.platform).await, &slug(name), id, false).await).await
}

/// Returns the end of an operation, as a waiting verb would.
async fn ended(w: &TestPlatform, started: Result<i64>) -> Result<()> {
    let over = w.operations.wait(started?).await?;
    if over.state.is_over() {
        tidy(w).await;
    }
    match (over.state, over.error.as_deref()) {
        (State::Done, _) => Ok(()),
        (_, Some("cancelled")) => Err(Error::Cancelled),
        (_, why) => Err(Error::Internal(why.unwrap_or("no reason").into())),
    }
}

/// Returns whether a second tenant like the first exists.
async fn second(w: &TestPlatform, action: &str) -> bool {
    whole(w).await;
    assert_eq!(contents(w, "alpha").await, rows());
    let audited = count(w, &format!("SELECT count(*) FROM audit WHERE action = '{action}'")).await;
    let ready = "SELECT count(*) FROM placements WHERE state = 'ready'";
    match (count(w, "SELECT count(*) FROM tenants").await, count(w, ready).await, audited) {
        (2, 6, 1) => {
            assert_eq!(contents(w, "beta").await, rows());
            true
        }
        (1, 3, 0) => false,
        other => panic!("half-made: {other:?}"),
    }
}
