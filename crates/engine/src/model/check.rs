//! Rules that involve more than one model: references, overrides, duplicate names.
//!
//! [`super::load`] calls it with all models that parsed.

use super::{FieldKind, Model, Problem, Scope, parse::Parsed};
use crate::name::{ModelName, StoreName};
use std::collections::HashMap;

/// Checks all models together. Problems name the file and line of the wrong part. `unparsed` contains models that exist
/// but did not parse: a reference to one of them is not reported as a second mistake.
pub(crate) fn check(
    all: &[Parsed],
    unparsed: &[&str],
    scope: &dyn Fn(&StoreName) -> Option<Scope>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut known: HashMap<ModelName, &Parsed> = HashMap::new();
    for parsed in all {
        if let Some(first) = known.insert(parsed.model.name.clone(), parsed) {
            let message = format!(
                "model `{}` is declared twice; the other is in {} of app `{}`",
                parsed.model.name, first.file, first.model.app
            );
            problems.push(parsed.problem("name", message));
        }
        if parsed.model.name.as_str().starts_with("sqlite_") {
            problems.push(parsed.problem("name", "names starting with `sqlite_` belong to SQLite"));
        }
    }
    for parsed in all {
        references(parsed, &known, unparsed, scope, &mut problems);
        overrides(parsed, &known, &mut problems);
    }
    problems
}

fn references(
    from: &Parsed,
    known: &HashMap<ModelName, &Parsed>,
    unparsed: &[&str],
    scope: &dyn Fn(&StoreName) -> Option<Scope>,
    problems: &mut Vec<Problem>,
) {
    for field in &from.model.fields {
        let FieldKind::Ref { to, .. } = &field.kind else { continue };
        let part = format!("fields.{}.to", field.name);
        match known.get(to) {
            None if unparsed.contains(&to.as_str()) => {}
            None => problems.push(from.problem(&part, unknown(to, known))),
            Some(target) => {
                if let Err(message) = allowed(&from.model, &target.model, scope) {
                    problems.push(from.problem(&part, message));
                }
            }
        }
    }
}

fn unknown(to: &ModelName, known: &HashMap<ModelName, &Parsed>) -> String {
    let mut names: Vec<&str> = known.keys().map(ModelName::as_str).collect();
    names.sort_unstable();
    format!("there is no model `{to}`; there are {}", names.join(", "))
}

/// Checks a reference between stores. A tenant's row may refer to its own store, to another store of the same tenant,
/// or to a system store. A system row must never refer to a tenant's store: it would mean a different row for each
/// tenant.
fn allowed(from: &Model, to: &Model, scope: &dyn Fn(&StoreName) -> Option<Scope>) -> Result<(), String> {
    match (scope(&from.store), scope(&to.store)) {
        _ if to.reads.is_some() && from.reads.is_none() && from.store == to.store => Err(format!(
            "`{}` only reads a table of another program: refer to it from a model of another store, or hold its id in an \
             integer",
            to.name
        )),
        (Some(Scope::System), Some(Scope::Tenant)) => Err(format!(
            "a model of system store `{}` cannot refer to `{}`, which every tenant has of its own",
            from.store, to.name
        )),
        _ => Ok(()),
    }
}

fn overrides(parsed: &Parsed, known: &HashMap<ModelName, &Parsed>, problems: &mut Vec<Problem>) {
    if parsed.model.overrides.is_some() {
        automatic(parsed, parsed.model.override_model(), ("overrides", "overrides"), known, problems);
    }
    if parsed.model.has_custom_fields() {
        let what = ("custom_fields", "definitions of custom fields");
        automatic(parsed, parsed.model.custom_model(), what, known, problems);
    }
    if parsed.model.workflow.is_some() {
        automatic(parsed, parsed.model.trail_model(), ("trail", "trail of transitions"), known, problems);
    }
}

/// Refuses an automatic model whose name is too long or taken. `what` is the suffix of its name, and what it holds.
fn automatic(
    parsed: &Parsed,
    automatic: Option<Model>,
    (suffix, holds): (&str, &str),
    known: &HashMap<ModelName, &Parsed>,
    problems: &mut Vec<Problem>,
) {
    let Some(automatic) = automatic else {
        let message = format!("the model's name is too long for `NAME_{suffix}`");
        problems.push(parsed.problem(suffix, message));
        return;
    };
    if let Some(other) = known.get(&automatic.name) {
        let message = format!(
            "`{}` is the automatic model of the {holds} of `{}`: choose another name",
            automatic.name, parsed.model.name
        );
        problems.push(other.problem("name", message));
    }
}
