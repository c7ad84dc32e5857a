//! Provisioning on the real engine: what the operation suites show with small files holds there too.

use crate::test_platform::{operator, slug};
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
    let root = config.servers[0].path().unwrap().to_owned();
    let platform = Platform::open(config).await.unwrap();
    platform.plans().initialise(&Operator::new("system")).await.unwrap();
    Place { platform, root, _dir: dir }
}

impl Place {
    async fn create(&self, name: &str) -> tenantry::Result<tenantry::tenants::provision::Created> {
        let tenant = NewTenant { slug: slug(name), name: name.into(), email: format!("mail@{name}.test") };
        self.platform.tenants().create(&operator(), tenant, None, None).await
    }
}

/// The catalog was lost but the files were not: a tenant of the same name gets a database of another name, and the file
/// stays as it is.
#[tokio::test]
async fn a_foreign_file_in_the_way_is_left_alone_and_its_name_passed_over_no_reuse() {
    let place = open().await;
    let alpha = place.create("alpha").await.unwrap().databases.remove(0);
    let others = fs::read(place.root.join(format!("{alpha}.db"))).unwrap();
    for (name, contents) in [("beta", b"not a database".to_vec()), ("gamma", others)] {
        let database = alpha.replace("alpha", name);
        let foreign = place.root.join(format!("{database}.db"));
        fs::write(&foreign, &contents).unwrap();
        let made = place.create(name).await.unwrap();
        assert_ne!(made.databases[0], database);
        assert!(fs::read(&foreign).unwrap() == contents, "{name}: the file was changed");
    }
    assert!(place.platform.audit().verify().await.unwrap().faults.is_empty());
}
