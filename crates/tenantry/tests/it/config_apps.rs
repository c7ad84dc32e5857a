//! Apps: medadmin in the binary, apps in folders, refused apps and the reported location.

use std::{fs, path::Path};
use tenantry::{
    apps::{Apps, Origin, startapp},
    config::{AppsConfig, Config},
};

fn config_in(dir: &Path, apps: &[&str]) -> Config {
    let mut config = Config::defaults_in(dir);
    config.apps =
        AppsConfig { dir: dir.join("apps"), list: apps.iter().map(|a| a.parse().unwrap()).collect() };
    config
}

/// The app tells shared data from data of tenants, without any file on disk.
#[test]
fn medadmin_is_in_the_binary() {
    let dir = tempfile::tempdir().unwrap();
    let apps = Apps::load(&config_in(dir.path(), &["medadmin"])).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(apps.app("medadmin").unwrap().origin, Origin::BuiltIn);
    let names = |store: &str| -> Vec<String> {
        let schema = apps.store(&store.parse().unwrap()).unwrap();
        schema.models.iter().map(|model| model.name.to_string()).collect()
    };
    assert_eq!(names("shared"), ["cities", "clinics", "regions", "specialisations"]);
    assert_eq!(
        names("tenant"),
        [
            "appointments",
            "doctors",
            "hospitals",
            "patients",
            "payments",
            "reports",
            "sales",
            "clinics_overrides"
        ]
    );
    assert!(names("control").is_empty());
    assert!(apps.store(&"control".parse().unwrap()).unwrap().migrations.is_empty());
}

/// The demo has three doctors in one company and two in the other, and every row fits its model.
#[test]
fn the_demo_data_fits_the_models() {
    let apps = Apps::load(&Config::default()).unwrap_or_else(|p| panic!("{p}"));
    let demo = apps.demo("medadmin").unwrap_or_else(|p| panic!("{p}")).unwrap();
    let doctors: Vec<usize> = demo
        .tenants
        .iter()
        .map(|tenant| {
            tenant.tables.iter().find(|table| table.model.as_str() == "doctors").unwrap().rows.len()
        })
        .collect();
    assert_eq!(doctors, [3, 2]);
    assert!(demo.shared.iter().all(|table| table.rows.len() >= 9));
    let config = Config::default();
    for tenant in &demo.tenants {
        let plan = tenant.plan.as_ref().unwrap();
        assert!(config.plan(plan.as_str()).is_some(), "{plan}");
    }
}

/// A freshly started app checks clean and adds its model to the tenant store.
#[test]
fn a_started_app_checks_clean() {
    let dir = tempfile::tempdir().unwrap();
    let config = config_in(dir.path(), &["medadmin", "stock"]);
    let refused = Apps::load(&config).unwrap_err().to_string();
    assert!(refused.contains("app new stock"), "{refused}");
    let (app, store) = ("stock".parse().unwrap(), "tenant".parse().unwrap());
    assert_eq!(startapp(&config.apps, &app, &store).unwrap().len(), 3);
    assert!(startapp(&config.apps, &app, &store).is_err(), "what exists is never touched");
    let apps = Apps::load(&config).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(apps.model("stock_items").unwrap().store.as_str(), "tenant");
}

/// The problems of all apps are reported at once, each with its file and line.
#[test]
fn problems_of_all_apps_come_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join("apps").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("one/app.toml", "name = \"two\"\ndepends = [\"nine\"]\n");
    write("two/app.toml", "label = \"Two\"\n");
    write(
        "two/models/things.toml",
        "store = \"tenant\"\n[fields.name]\ntype = \"text\"\n[permissions]\nread = [\"king\"]\n",
    );
    let problems = Apps::load(&config_in(dir.path(), &["one", "two"])).unwrap_err().to_string();
    let problems = problems.replace(&dir.path().display().to_string(), "");
    insta::assert_snapshot!(problems, @r#"
/apps/one/app.toml:1: name: must be `one`, as the folder is called
/apps/one/app.toml:2: depends: app `nine` is not in apps.list of the configuration
/apps/two/models/things.toml:5: there is no role `king` in auth.roles of the configuration
"#);
}
