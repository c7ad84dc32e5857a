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
            "appointments_custom_fields",
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

/// Labels of an app in another language, what falls back to its own, and texts that name nothing.
#[test]
fn labels_of_apps_are_in_files_of_languages() {
    let dir = tempfile::tempdir().unwrap();
    let config = config_in(dir.path(), &["medadmin", "stock"]);
    startapp(&config.apps, &"stock".parse().unwrap(), &"tenant".parse().unwrap()).unwrap();
    let folder = dir.path().join("apps/stock/languages");
    fs::create_dir(&folder).unwrap();
    let text = "model-stock_items = Anbar\nfield-stock_items-name = Ad\nchoice-stock_items-state-open = Açıq\n\
                role-owner = Müdir\nfield-stock_items-gone = Yox\nmodel-doctors = Başqası\nrole-nobody = Heç kim\n";
    fs::write(folder.join("az.ftl"), text).unwrap();
    let apps = Apps::load(&config).unwrap_or_else(|p| panic!("{p}"));
    let ids: Vec<_> = apps.unknown_texts().iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(ids, ["field-stock_items-gone", "model-doctors", "role-nobody"]);
    let labels = apps.labels("az");
    let model = |name: &str| labels.models().iter().find(|model| model.name.as_str() == name).unwrap();
    let items = model("stock_items");
    let field = |name: &str| items.field(name).unwrap().label.clone();
    assert_eq!((items.label.as_str(), field("name"), field("state")), ("Anbar", "Ad".into(), "State".into()));
    assert_eq!(labels.choice("stock_items", "state", "open"), Some("Açıq"));
    assert_eq!(labels.choice("stock_items", "state", "done"), None);
    // The app that is first in the configuration names roles, and each app its own models.
    assert_eq!((labels.role("owner"), labels.role("nobody")), (Some("Sahib"), Some("Heç kim")));
    assert_eq!(model("doctors").label, "Həkimlər");
    // A language without texts has the labels of the apps.
    let other = apps.labels("fr");
    assert!(other.models().iter().any(|model| model.label == "Doctors"));
    assert_eq!(
        other.models().len(),
        apps.models().len() - 2,
        "all but the models of overrides and own fields"
    );
    fs::write(folder.join("az.ftl"), "model-stock_items = { $count } x\n").unwrap();
    let refused = Apps::load(&config).unwrap_err().to_string();
    assert!(refused.contains("az.ftl") && refused.contains("without arguments"), "{refused}");
}

/// Azerbaijani has a label for every model and field of medadmin, and no text that names nothing.
#[test]
fn medadmin_is_translated_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let config = config_in(dir.path(), &["medadmin"]);
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/medadmin");
    let own = dir.path().join("apps/medadmin");
    for part in ["models", "migrations", "languages"] {
        fs::create_dir_all(own.join(part)).unwrap();
        for file in fs::read_dir(built_in.join(part)).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), own.join(part).join(file.file_name())).unwrap();
        }
    }
    fs::copy(built_in.join("app.toml"), own.join("app.toml")).unwrap();
    let apps = Apps::load(&config).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(apps.unknown_texts(), []);
    for (model, english) in apps.labels("az").models().iter().zip(apps.labels("en").models()) {
        assert_ne!(model.label, english.label);
        for (field, english) in model.fields.iter().zip(&english.fields) {
            assert!(field.label != english.label || field.label == "Region", "{}.{}", model.name, field.name);
        }
    }
}
