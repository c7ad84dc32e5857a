//! What a diff cannot know and has to ask: was it renamed, what do existing rows get.
//!
//! Called by `diff.rs`. Questions are data: the command line asks them or prints the options that answer.

use crate::model::{Field, Model};
use crate::name::{FieldName, ModelName};
use serde_json::Value as Json;

/// Answers given beforehand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    /// `--rename old=new` (models) and `--rename model.old=new` (fields; the model by its new name).
    pub renames: Vec<(String, String)>,
    /// `--new name` and `--new model.field`: not a rename of anything.
    pub new: Vec<String>,
    /// `--fill model.field=VALUE`: what rows get that exist already.
    pub fills: Vec<(String, Json)>,
    /// `--checked model.field`: rows have a value already; the migration refuses where one has none.
    pub checked: Vec<String>,
}

impl Answers {
    /// Takes one option of the command line: its name without dashes and its value.
    /// A fill that is not JSON is text.
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

/// Something only a person knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub text: String,
    /// What can be answered.
    pub choices: Vec<Choice>,
}

/// One answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Option as it is typed: `--rename patients.phone=telephone`. VALUE stands for what is to be filled in.
    pub option: String,
    /// What it means.
    pub meaning: String,
}

/// Why no migration came of a diff.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undecided {
    /// To be answered, then diffed again.
    pub questions: Vec<Question>,
    /// Changes that no migration can make as they stand, with the remedy.
    pub refusals: Vec<String>,
}

impl Undecided {
    /// Nothing stands in the way.
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty() && self.refusals.is_empty()
    }
}

/// What became of something new.
pub(super) enum Origin<N> {
    New,
    RenamedFrom(N),
    Asked,
}

/// Whether a new model is an old one under another name.
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

/// Same store and key, and at least half of the fields in common.
fn model_alike(old: &Model, new: &Model) -> bool {
    let shared =
        new.fields.iter().filter(|f| old.field(f.name.as_str()).is_some_and(|o| field_alike(o, f))).count();
    old.store == new.store && old.id == new.id && shared * 2 >= new.fields.len().max(old.fields.len())
}

fn field_alike(old: &Field, new: &Field) -> bool {
    std::mem::discriminant(&old.kind) == std::mem::discriminant(&new.kind)
}

/// Whether a new field is an old one under another name.
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

/// Asks what existing rows get in a field that must have a value.
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
