//! Questions that a diff must ask: whether a model or field was renamed, and which value existing rows get.
//!
//! `diff.rs` uses it. Questions are data: the command line asks them, or prints the options that answer them.

use crate::{
    model::{Field, Model},
    name::{FieldName, ModelName},
};
use serde_json::Value as Json;

/// Answers that were given in advance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    /// `--rename old=new` for models, and `--rename model.old=new` for fields, with the new name of the model.
    pub renames: Vec<(String, String)>,
    /// `--new name` and `--new model.field`: the model or field is new, not renamed.
    pub new: Vec<String>,
    /// `--fill model.field=VALUE`: the value for existing rows.
    pub fills: Vec<(String, Json)>,
    /// `--checked model.field`: all rows already have a value. The migration fails if a row has none.
    pub checked: Vec<String>,
}

impl Answers {
    /// Adds one option of the command line, given as its name without dashes and its value. A fill that is not JSON is
    /// a text.
    ///
    /// # Errors
    /// Returns the reason why the option cannot be understood.
    pub fn add(&mut self, option: &str, value: &str) -> Result<(), String> {
        let pair = || value.split_once('=').ok_or_else(|| format!("--{option} {value}: write it as OLD=NEW"));
        match option {
            "rename" => pair().map(|(a, b)| self.renames.push((a.into(), b.into()))),
            "fill" => pair().map(|(a, b)| {
                let json = serde_json::from_str(b).unwrap_or_else(|_| Json::String(b.into()));
                self.fills.push((a.into(), json));
            }),
            "new" | "checked" => {
                let list = if option == "new" { &mut self.new } else { &mut self.checked };
                list.push(value.into());
                Ok(())
            }
            other => Err(format!("--{other} answers no question of a diff")),
        }
    }

    pub(super) fn fill(&self, place: &str) -> Option<&Json> {
        self.fills.iter().find(|(p, _)| p == place).map(|(_, json)| json)
    }

    fn old_name(&self, prefix: &str, new: &str) -> Option<&str> {
        let matches = |(_, to): &&(String, String)| to == new;
        self.renames.iter().filter(matches).find_map(|(from, _)| match prefix {
            "" => (!from.contains('.')).then_some(from.as_str()),
            model => from.strip_prefix(model)?.strip_prefix('.'),
        })
    }
}

/// A question that only the developer can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Text of the question.
    pub text: String,
    /// The possible answers.
    pub choices: Vec<Choice>,
}

/// One answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The option as the developer types it: `--rename patients.phone=telephone`. VALUE is a placeholder that the
    /// developer replaces.
    pub option: String,
    /// The meaning of the answer.
    pub meaning: String,
}

/// The reasons why a diff produced no migration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undecided {
    /// Questions to answer before the next diff.
    pub questions: Vec<Question>,
    /// Changes that no migration can make in this form, with the remedy.
    pub refusals: Vec<String>,
}

impl Undecided {
    /// Returns true if there is no question and no refusal.
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty() && self.refusals.is_empty()
    }
}

/// Origin of a new model or field.
pub(super) enum Origin<N> {
    New,
    RenamedFrom(N),
    Asked,
}

/// Decides whether a new model is a renamed old one.
pub(super) fn model_origin(
    new: &Model,
    removed: &[Model],
    answers: &Answers,
    undecided: &mut Undecided,
) -> Origin<ModelName> {
    if let Some(old) = answers.old_name("", new.name.as_str())
        && let Some(found) = removed.iter().find(|m| m.name.as_str() == old)
    {
        return Origin::RenamedFrom(found.name.clone());
    }
    let alike: Vec<&str> =
        removed.iter().filter(|old| model_alike(old, new)).map(|m| m.name.as_str()).collect();
    decide("model", "", new.name.as_str(), &alike, answers, undecided)
}

/// Returns true if the models have the same store, the same kind of key and at least half of their fields in common.
fn model_alike(old: &Model, new: &Model) -> bool {
    let shared =
        new.fields.iter().filter(|f| old.field(f.name.as_str()).is_some_and(|o| field_alike(o, f))).count();
    old.store == new.store && old.id == new.id && shared * 2 >= new.fields.len().max(old.fields.len())
}

fn field_alike(old: &Field, new: &Field) -> bool {
    std::mem::discriminant(&old.kind) == std::mem::discriminant(&new.kind)
}

/// Decides whether a new field is a renamed old one.
pub(super) fn field_origin(
    model: &ModelName,
    new: &Field,
    removed: &[Field],
    answers: &Answers,
    undecided: &mut Undecided,
) -> Origin<FieldName> {
    if let Some(old) = answers.old_name(model.as_str(), new.name.as_str())
        && let Some(found) = removed.iter().find(|f| f.name.as_str() == old)
    {
        return Origin::RenamedFrom(found.name.clone());
    }
    let alike: Vec<&str> =
        removed.iter().filter(|old| field_alike(old, new)).map(|f| f.name.as_str()).collect();
    decide("field", model.as_str(), new.name.as_str(), &alike, answers, undecided)
}

fn decide<N>(
    what: &str,
    model: &str,
    new: &str,
    alike: &[&str],
    answers: &Answers,
    undecided: &mut Undecided,
) -> Origin<N> {
    let full = |name: &str| if model.is_empty() { name.to_owned() } else { format!("{model}.{name}") };
    if alike.is_empty() || answers.new.contains(&full(new)) {
        return Origin::New;
    }
    let mut choices: Vec<Choice> = alike
        .iter()
        .map(|old| Choice {
            option: format!("--rename {}={new}", full(old)),
            meaning: format!("`{}` was renamed to `{new}` and keeps its contents", full(old)),
        })
        .collect();
    choices.push(Choice {
        option: format!("--new {}", full(new)),
        meaning: format!("`{}` is new; what is gone is dropped with its contents", full(new)),
    });
    let text = format!("Is {what} `{}` new, or another one renamed?", full(new));
    undecided.questions.push(Question { text, choices });
    Origin::Asked
}

/// Returns the question of which value existing rows get in a required field.
pub(super) fn ask_fill(place: &str, existing: bool) -> Question {
    let mut choices = vec![Choice {
        option: format!("--fill {place}=VALUE"),
        meaning: "rows that exist get this value, once".into(),
    }];
    if existing {
        choices.push(Choice {
            option: format!("--checked {place}"),
            meaning: "every row has a value already; the migration refuses a database where one has not"
                .into(),
        });
    }
    let text = format!(
        "`{place}` is required, but rows that exist have no value for it. Give it a `default` in the model, \
         make it not required, or answer with an option."
    );
    Question { text, choices }
}
