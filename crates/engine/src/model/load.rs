//! Loads all model files of a platform: returns the models, or every problem in the files.

use super::{Model, Problem, Scope, check, parse};
use crate::name::{AppName, StoreName};

/// A model file to load.
#[derive(Debug, Clone)]
pub struct Source<'t> {
    /// The app that the model belongs to.
    pub app: AppName,
    /// Name of the model: the file name without `.toml`.
    pub name: &'t str,
    /// Name of the file in problems.
    pub file: &'t str,
    /// Contents of the file.
    pub text: &'t str,
}

/// Parses and checks all models of a platform together, and adds the automatic models for overrides, for
/// definitions of custom fields and for trails of workflows. `scope` returns
/// the scope of each store of the configuration.
///
/// # Errors
/// Returns every problem in the files, sorted.
pub fn load(
    sources: &[Source<'_>],
    scope: &dyn Fn(&StoreName) -> Option<Scope>,
) -> Result<Vec<Model>, Vec<Problem>> {
    let mut parsed = Vec::new();
    let mut problems = Vec::new();
    let mut unparsed = Vec::new();
    for source in sources {
        let (model, found) = parse::parse(source, scope);
        problems.extend(found);
        match model {
            Some(model) => parsed.push(model),
            None => unparsed.push(source.name),
        }
    }
    problems.extend(check::check(&parsed, &unparsed, scope));
    if !problems.is_empty() {
        problems.sort();
        problems.dedup();
        return Err(problems);
    }
    let mut models: Vec<Model> = parsed.into_iter().map(|p| p.model).collect();
    let automatic: Vec<Model> = models.iter().flat_map(Model::automatic_models).collect();
    models.extend(automatic);
    Ok(models)
}
