//! Labels of apps in other languages: `languages/CODE.ftl` in the folder of an app.
//!
//! [`super::Apps::load`] calls it. The files have the syntax of [Fluent](https://projectfluent.org); a label takes no
//! arguments. An id is made of names:
//!
//! ```text
//! model-doctors field-doctors-phone choice-payments-status-paid role-owner plan-starter
//! ```
//!
//! Pages show the labels; names in the API never change.

use super::{App, source::Text};
use crate::config::{Config, Problem};
use fluent_syntax::{ast, parser};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};
use tenantry_engine::model::{Field, FieldKind, Model};

/// The labels of all apps in one language. What has no text there has the label that its app gives it.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    texts: HashMap<String, String>,
    models: Vec<Arc<Model>>,
    /// The models as their apps declare them, in the same order.
    declared: Vec<Arc<Model>>,
}

impl Labels {
    /// Returns every model that apps declare, sorted by name, with labels in the language.
    pub fn models(&self) -> &[Arc<Model>] {
        &self.models
    }

    /// Returns a model with labels in the language: one of these, or one of an earlier load of the apps, which a tenant that is
    /// not migrated yet has.
    pub fn labelled(&self, model: &Arc<Model>) -> Arc<Model> {
        match self.declared.iter().position(|known| Arc::ptr_eq(known, model)) {
            Some(at) => self.models[at].clone(),
            None => self.translated(model),
        }
    }

    /// Returns the label of a value of a closed list, if there is a text for it.
    pub fn choice(&self, model: &str, field: &str, value: &str) -> Option<&str> {
        self.text(&format!("choice-{model}-{field}-{value}"))
    }

    /// Returns the label of a transition of a model's workflow, if there is a text for it.
    pub fn transition(&self, model: &str, name: &str) -> Option<&str> {
        self.text(&format!("transition-{model}-{name}"))
    }

    /// Returns the label of a role, if there is a text for it.
    pub fn role(&self, name: &str) -> Option<&str> {
        self.text(&format!("role-{name}"))
    }

    /// Returns the label of a plan of the configuration, if there is a text for it.
    pub fn plan(&self, name: &str) -> Option<&str> {
        self.text(&format!("plan-{name}"))
    }

    fn text(&self, id: &str) -> Option<&str> {
        self.texts.get(id).map(String::as_str)
    }

    /// Returns the labels of these models.
    fn new(texts: HashMap<String, String>, models: &[Arc<Model>]) -> Self {
        let mut declared = models.to_vec();
        declared.sort_by(|a, b| a.name.cmp(&b.name));
        let mut labels = Self { texts, models: Vec::new(), declared };
        labels.models = labels.declared.iter().map(|model| labels.translated(model)).collect();
        labels
    }

    fn translated(&self, model: &Arc<Model>) -> Arc<Model> {
        let label = |id: &str, own: &str| self.text(id).unwrap_or(own).to_owned();
        let name = &model.name;
        let field = |field: &Field| Field {
            label: label(&format!("field-{name}-{}", field.name), &field.label),
            ..field.clone()
        };
        Arc::new(Model {
            label: label(&format!("model-{name}"), &model.label),
            fields: model.fields.iter().map(field).collect(),
            ..(**model).clone()
        })
    }
}

/// The texts of one app in one language.
#[derive(Debug, Clone)]
pub(super) struct AppTexts {
    pub(super) code: String,
    pub(super) file: String,
    texts: HashMap<String, String>,
}

/// Reads the texts of an app.
///
/// # Errors
/// What is no Fluent, a text with arguments, and an id that occurs twice.
pub(super) fn read(code: &str, file: String, text: Text<'_>) -> Result<AppTexts, Vec<Problem>> {
    let mut problems = vec![];
    let mut wrong = |at: usize, message: String| {
        let line = text.text.get(..at).map_or(0, |before| before.matches('\n').count() + 1);
        problems.push(Problem { file: file.clone(), line, message });
    };
    let parsed = parser::parse(text.text).unwrap_or_else(|(parsed, errors)| {
        for error in errors {
            wrong(error.pos.start, format!("is no Fluent: {}", error.kind));
        }
        parsed
    });
    let mut texts = HashMap::new();
    for entry in &parsed.body {
        let ast::Entry::Message(message) = entry else { continue };
        let id = message.id.name;
        let at = text.text.find(&format!("{id} =")).unwrap_or(0);
        match message.value.as_ref().map(plain) {
            Some(Some(plain)) => {
                if texts.insert(id.to_owned(), plain).is_some() {
                    wrong(at, format!("`{id}` occurs twice"));
                }
            }
            _ => wrong(at, format!("`{id}` must be a text without arguments, as `{id} = …`")),
        }
    }
    if problems.is_empty() { Ok(AppTexts { code: code.to_owned(), file, texts }) } else { Err(problems) }
}

/// Returns a pattern without arguments as text.
fn plain(pattern: &ast::Pattern<&str>) -> Option<String> {
    let part = |element: &ast::PatternElement<&str>| match element {
        ast::PatternElement::TextElement { value } => Some((*value).to_owned()),
        ast::PatternElement::Placeable { .. } => None,
    };
    pattern.elements.iter().map(part).collect()
}

/// Returns the labels of all apps by language.
pub(super) fn labels(apps: &[App], models: &[Arc<Model>]) -> BTreeMap<String, Arc<Labels>> {
    let mut by_code: BTreeMap<String, HashMap<String, String>> = BTreeMap::new();
    for text in apps.iter().flat_map(|app| &app.texts) {
        let all = by_code.entry(text.code.clone()).or_default();
        for (id, label) in &text.texts {
            // The app that the configuration lists first names roles and plans.
            all.entry(id.clone()).or_insert_with(|| label.clone());
        }
    }
    by_code.into_iter().map(|(code, texts)| (code, Arc::new(Labels::new(texts, models)))).collect()
}

/// Returns the labels of the apps themselves, for languages without texts.
pub(super) fn own_labels(models: &[Arc<Model>]) -> Arc<Labels> {
    Arc::new(Labels::new(HashMap::new(), models))
}

/// Returns the ids of an app's texts that name nothing, with their files.
pub(super) fn unknown(app: &App, models: &[Arc<Model>], config: &Config) -> Vec<(String, String)> {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for model in models.iter().filter(|model| model.app == app.name) {
        known.insert(format!("model-{}", model.name));
        let transitions = model.workflow.iter().flat_map(|workflow| &workflow.transitions);
        known.extend(transitions.map(|made| format!("transition-{}-{}", model.name, made.name)));
        for field in &model.fields {
            known.insert(format!("field-{}-{}", model.name, field.name));
            if let FieldKind::Choice { choices } = &field.kind {
                known.extend(
                    choices.iter().map(|value| format!("choice-{}-{}-{value}", model.name, field.name)),
                );
            }
        }
    }
    known.extend(config.auth.roles.iter().map(|role| format!("role-{role}")));
    known.extend(config.plans.iter().map(|plan| format!("plan-{}", plan.name)));
    let ids =
        app.texts.iter().flat_map(|texts| texts.texts.keys().map(|id| (texts.file.clone(), id.clone())));
    let mut unknown: Vec<_> = ids.filter(|(_, id)| !known.contains(id)).collect();
    unknown.sort();
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<AppTexts, Vec<Problem>> {
        read("az", "languages/az.ftl".into(), Text { path: "languages/az.ftl", text })
    }

    #[test]
    fn labels_are_texts_without_arguments() {
        let texts =
            parsed("# note\nmodel-doctors = Həkimlər\n\nfield-doctors-phone = Telefon\n").unwrap().texts;
        assert_eq!(
            (texts["model-doctors"].as_str(), texts["field-doctors-phone"].as_str()),
            ("Həkimlər", "Telefon")
        );
        for (text, line, said) in [
            ("a = b\na = c\n", 1, "occurs twice"),
            ("ok = b\nmodel-x = { $count } x\n", 2, "without arguments"),
            ("ok = b\n\n= c\n", 3, "is no Fluent"),
        ] {
            let problems = parsed(text).unwrap_err();
            assert_eq!(problems[0].line, line, "{problems:?}");
            assert!(problems[0].message.contains(said), "{problems:?}");
        }
    }
}
