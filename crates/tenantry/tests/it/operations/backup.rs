//! Scenarios of backups: of one tenant, of many, and their verification.

use super::{
    Scenario,
    kit::{count, execute, nth, tenant, whole},
};
use crate::test_platform::{TestPlatform, by, operator, registration, slug};
use std::path::Path;
use tenantry::{
    Error, Result,
    backups::{BackupId, Selection, catalog},
    name::Slug,
    operations::State,
};

/// A backup of two databases and a place in a pool.
pub(super) const BACKUP: Scenario = Scenario {
    name: "backup",
    kind: "backup",
    prepare: |w| Box::pin(tenant(w, "alpha")),
    run: |w| {
        Box::pin(async {
            let asked = w.platform.backups().start(&operator(), &slug("alpha"), None).await;
            through(w, asked.map(|a| a.operation)).await
        })
    },
    finished: |w| {
        Box::pin(async {
            let [good, failed] = in_store(w).await;
            assert!(failed <= 1);
            good == 1
        })
    },
    endless: |w, _| {
        Box::pin(async move {
            if count(w, "SELECT count(*) FROM tenants").await == 0 {
                w.operations.create_tenant(&by(), registration("alpha")).await.unwrap();
            }
            let asked = w.platform.backups().start(&operator(), &slug("alpha"), None).await.unwrap();
            w.operations.wait(asked.operation).await.unwrap();
        })
    },
};

/// A run over two tenants and the platform's own stores.
pub(super) const RUN: Scenario = Scenario {
    name: "backup_run",
    kind: "backup_run",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            tenant(w, "beta").await;
        })
    },
    run: |w| {
        Box::pin(async { through(w, w.platform.backups().start_run(&operator(), everything()).await).await })
    },
    finished: |w| {
        Box::pin(async {
            in_store(w).await;
            let last = "SELECT count(*) FROM (SELECT state FROM operations WHERE kind = 'backup_run' \
                ORDER BY id DESC LIMIT 1) WHERE state = 'done'";
            let open = "SELECT count(*) FROM backup_runs WHERE finished_at IS NULL";
            assert_eq!(count(w, open).await, 0, "a run that nobody is at");
            let done = count(w, last).await == 1;
            let whole = "SELECT count(DISTINCT coalesce(tenant, 0)) FROM backups WHERE state = 'good'";
            assert!(!done || count(w, whole).await == 3);
            done
        })
    },
    endless: |w, n| {
        Box::pin(async move {
            w.operations.create_tenant(&by(), registration(nth(n).as_str())).await.unwrap();
            let run = w.platform.backups().start_run(&operator(), everything()).await.unwrap();
            w.operations.wait(run).await.unwrap();
        })
    },
};

/// A verification, which changes nothing.
pub(super) const VERIFY: Scenario = Scenario {
    name: "backup_verify",
    kind: "backup_verify",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            back_up(w, "alpha").await;
        })
    },
    run: |w| {
        Box::pin(async {
            let found = w.platform.backups().verify(&operator(), &newest(w, "alpha").await).await?;
            assert_eq!(found.damage, None);
            Ok(())
        })
    },
    finished: |w| {
        Box::pin(async {
            assert_eq!(in_store(w).await, [1, 0]);
            count(w, "SELECT count(*) FROM backups WHERE verified_at IS NOT NULL").await == 1
        })
    },
    endless: |w, _| {
        Box::pin(async move {
            if count(w, "SELECT count(*) FROM backups").await == 0 {
                if count(w, "SELECT count(*) FROM tenants").await == 0 {
                    w.operations.create_tenant(&by(), registration("alpha")).await.unwrap();
                }
                back_up(w, "alpha").await;
            }
            w.platform.backups().verify(&operator(), &newest(w, "alpha").await).await.unwrap();
        })
    },
};

/// A removal of the older of two backups of a past day.
pub(super) const PRUNE: Scenario = Scenario {
    name: "backup_prune",
    kind: "backup_prune",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            back_up(w, "alpha").await;
            back_up(w, "alpha").await;
            let past = "UPDATE backups SET at = at - 86460000000 WHERE id = (SELECT min(id) FROM backups)";
            execute(w, past).await;
            let same = "UPDATE backups SET at = (SELECT min(at) + 1 FROM backups) WHERE id = (SELECT max(id) FROM backups)";
            execute(w, same).await;
        })
    },
    run: |w| {
        Box::pin(async {
            let started = w.platform.backups().start_prune(&operator()).await;
            through(w, started).await
        })
    },
    finished: |w| {
        Box::pin(async {
            let left = count(w, "SELECT count(*) FROM backups").await;
            // What a failed attempt has removed stays removed.
            let done = count(w, &last("backup_prune")).await == 1;
            assert!(!done || left == 1, "{left}");
            done
        })
    },
    endless: |w, _| {
        Box::pin(async move {
            let started = w.platform.backups().start_prune(&operator()).await;
            through(w, started).await.unwrap();
        })
    },
};

/// A scan that adds a backup which the catalog lacks.
pub(super) const RESCAN: Scenario = Scenario {
    name: "backup_rescan",
    kind: "backup_rescan",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            back_up(w, "alpha").await;
            execute(w, "DELETE FROM backups").await;
        })
    },
    run: |w| {
        Box::pin(async {
            let started = w.platform.backups().start_rescan(&operator()).await;
            through(w, started).await
        })
    },
    finished: |w| {
        Box::pin(async {
            let done = count(w, &last("backup_rescan")).await == 1;
            assert!(!done || count(w, "SELECT count(*) FROM backups").await == 1);
            done
        })
    },
    endless: |w, _| {
        Box::pin(async move {
            let started = w.platform.backups().start_rescan(&operator()).await;
            through(w, started).await.unwrap();
        })
    },
};

/// Returns a statement that counts 1 if the newest operation of a kind is done.
fn last(kind: &str) -> String {
    format!(
        "SELECT count(*) FROM (SELECT state FROM operations WHERE kind = '{kind}' ORDER BY id DESC LIMIT 1) \
         WHERE state = 'done'"
    )
}

fn everything() -> Selection {
    Selection { system: true, ..Selection::default() }
}

/// Waits for a started operation and returns its result, with its own error.
pub(super) async fn through(w: &TestPlatform, started: Result<i64>) -> Result<()> {
    let over = w.operations.wait(started?).await?;
    match (over.state, over.error.unwrap_or_default()) {
        (State::Done, _) => Ok(()),
        (_, error) if error == Error::Cancelled.to_string() => Err(Error::Cancelled),
        (_, error) => Err(Error::Internal(error)),
    }
}

pub(super) async fn back_up(w: &TestPlatform, name: &str) {
    let asked = w.platform.backups().start(&operator(), &slug(name), None).await.unwrap();
    through(w, Ok(asked.operation)).await.unwrap();
}

/// Returns the newest good backup.
pub(super) async fn newest(w: &TestPlatform, name: &str) -> BackupId {
    let name: Slug = slug(name);
    let all = w.platform.backups().of_tenant(&name, 1000).await.unwrap();
    all.into_iter().find(|b| b.state == catalog::State::Good).unwrap().id
}

/// Returns the numbers of good and failed backups in the catalog; asserts that the store contains exactly the good
/// ones, complete.
async fn in_store(w: &TestPlatform) -> [i64; 2] {
    whole(w).await;
    let states = ["running", "good", "failed"];
    let of = |state| format!("SELECT count(*) FROM backups WHERE state = '{state}'");
    let [running, good, failed] = states.map(of);
    assert_eq!(count(w, &running).await, 0, "a backup that nobody is making");
    let mut folders = 0;
    each_folder(&w.platform.config().platform.data_dir.join("backups"), &mut |folder| {
        folders += 1;
        let bytes = std::fs::read(folder.join("manifest.json")).expect("objects without a manifest");
        let manifest = tenantry::backups::manifest::Manifest::open(&bytes).unwrap();
        let objects = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(objects, manifest.objects().count() + 1, "leftovers in {}", folder.display());
    });
    let [good, failed] = [count(w, &good).await, count(w, &failed).await];
    assert_eq!(folders, good, "backups of the catalog and backups that exist");
    [good, failed]
}

/// Calls `visit` for each folder that contains objects.
fn each_folder(dir: &Path, visit: &mut dyn FnMut(&Path)) {
    let mut holds = false;
    for entry in std::fs::read_dir(dir).unwrap() {
        match entry.unwrap().path() {
            path if path.is_dir() => each_folder(&path, visit),
            _ => holds = true,
        }
    }
    if holds {
        visit(dir);
    }
}
