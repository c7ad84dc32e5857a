//! An app with one model, which a test writes for itself.

use std::path::Path;
use tenantry::{apps::Apps, config::Config, migrations::make};

/// Writes app `own` with one model, and its migration.
pub(super) fn make_app(dir: &Path, model: &str, text: &str, config: &str) {
    let models = dir.join("apps/own/models");
    std::fs::create_dir_all(&models).unwrap();
    std::fs::write(dir.join("apps/own/app.toml"), "name = \"own\"\n").unwrap();
    // A line `--- name` begins another model.
    let mut texts = text.split("\n--- ");
    let first = (model, texts.next().unwrap_or_default());
    for (model, text) in std::iter::once(first).chain(texts.filter_map(|text| text.split_once('\n'))) {
        std::fs::write(models.join(format!("{model}.toml")), text).unwrap();
    }
    let config = Config::parse("tenantry.toml", config, dir).unwrap_or_else(|e| panic!("{e}"));
    let apps = Apps::load(&config).unwrap_or_else(|e| panic!("{e}"));
    make::make(&apps, &make::Options::default(), &mut |_| None).unwrap();
}
