//! Provisioning on the real engine: what the operation suites show with small files holds there too.

use crate::world::{operator, slug};
use std::{fs, path::PathBuf};
use tenantry::access::Operator;
use tenantry::{
    Platform,
    config::{Config, DEFAULT_TOML},
    tenants::NewTenant,
};

struct Place {
    platform: Platform,
    /// Directory of the tenants' databases.
    root: PathBuf,
    _dir: tempfile::TempDir,
}

async fn open() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::parse("tenantry.toml", DEFAULT_TOML, dir.path()).unwrap();
    let root = config.servers[0].path.clone();
    let platform = Platform::open(config).await.unwrap();
    platform.plans().initialise(&Operator::new("system")).await.unwrap();
    Place { platform, root, _dir: dir }
}

impl Place {
    async fn create(&self, name: &str) -> tenantry::Result<tenantry::tenants::provision::Created> {
        let tenant = NewTenant { slug: slug(name), name: name.into(), email: format!("mail@{name}.test") };
        self.platform.create_tenant(&operator(), tenant, None, None).await
    }
}

/// The catalog was lost but the files were not: creating a tenant of the same name must not touch them.
#[tokio::test]
async fn a_foreign_file_in_the_way_survives_the_undo_no_reuse() {
    let place = open().await;
    let alpha = place.create("alpha").await.unwrap().databases.remove(0);
    let others = fs::read(place.root.join(format!("{alpha}.db"))).unwrap();
    for (name, contents) in [("beta", b"not a database".to_vec()), ("gamma", others)] {
        let database = alpha.replace("alpha", name);
        let foreign = place.root.join(format!("{database}.db"));
        fs::write(&foreign, &contents).unwrap();
        assert!(place.create(name).await.is_err());
        assert!(fs::read(&foreign).unwrap() == contents, "{name}: somebody's data");
        assert!(place.platform.show_tenant(&slug(name)).await.is_err(), "nothing half-made");
        // That name was planned once: the next attempt uses another, so the retry is not stuck (`stuck-retry`).
        let made = place.create(name).await.unwrap();
        assert_ne!(made.databases[0], database);
        assert!(fs::read(&foreign).unwrap() == contents, "{name}: somebody's data");
    }
    assert!(place.platform.audit().verify().await.unwrap().faults.is_empty());
}
