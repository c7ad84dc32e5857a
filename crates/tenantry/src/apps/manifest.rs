//! `app.toml`. Only [`super::Apps::load`] calls it. It does not use the models.

use super::{App, languages, source::AppSource};
use crate::config::{Config, Problems, reader::Section, source::Source};
use tenantry_engine::name::AppName;

/// Reads an app's manifest, and checks it against the folder's name and the list of apps.
pub(super) fn read(app: AppSource, config: &Config) -> Result<App, Problems> {
    let text = app.text("app.toml").unwrap_or_default().to_owned();
    let (source, document) = Source::parse(&app.display("app.toml"), &text);
    let section = Section::root(&source, &document);
    if section.parsed::<AppName>("name").is_some_and(|name| name != app.name) {
        section.problem("name", format_args!("must be `{}`, as the folder is called", app.name));
    }
    let depends: Vec<AppName> = section.list("depends").unwrap_or_default();
    for missing in depends.iter().filter(|name| !config.apps.list.contains(name)) {
        section.problem("depends", format_args!("app `{missing}` is not in apps.list of the configuration"));
    }
    let label = section.text("label").map_or(app.name.to_string(), str::to_owned);
    let description = section.text("description").unwrap_or_default().to_owned();
    let version = section.text("version").map(str::to_owned);
    section.finish();
    source.finish()?;
    let (mut texts, mut problems) = (vec![], vec![]);
    for (code, file) in app.files_of("languages", ".ftl") {
        match languages::read(code, app.display(file.path), file) {
            Ok(read) => texts.push(read),
            Err(found) => problems.extend(found),
        }
    }
    Problems(problems).into_result()?;
    Ok(App {
        name: app.name.clone(),
        label,
        description,
        version,
        depends,
        origin: app.origin.clone(),
        source: app,
        texts,
    })
}
