//! Workflows: a choice field whose value changes only by named transitions, and the automatic model that holds the trail of
//! the transitions that records made. The trail is in the same place as the records, so everything that carries rows
//! carries it.

use super::{
    Field, FieldKind, Grant, IdKind, Model,
    parse::human,
    problem::Sink,
    reader::{At, Section},
};
use crate::name::FieldName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// Longest comment of a transition, in characters.
pub const COMMENT_CHARS: u32 = 2000;
const KNOWN: &str = "label, from, to, roles, comment, not_by";

/// The states of a model's records, and the transitions between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// The choice field that holds the state.
    pub field: FieldName,
    /// State of a new record.
    pub initial: String,
    /// Text field in which the platform names the member that created the record.
    pub author: Option<FieldName>,
    /// Transitions in the order of the file.
    pub transitions: Vec<Transition>,
}

/// A change from one of some states to another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Name, unique within the model. It is the URL segment.
    pub name: FieldName,
    /// Label for users.
    pub label: String,
    /// States in which a record can make the transition.
    pub from: Vec<String>,
    /// State after the transition.
    pub to: String,
    /// Roles that may make the transition; `None`: those that may update records.
    pub roles: Option<Vec<Grant>>,
    /// Whether the transition needs a comment.
    pub comment: bool,
    /// Members that may not make the transition, whatever their role.
    pub not_by: Vec<Barred>,
}

/// A member that may not make a transition because of an earlier act on the same record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Barred {
    /// The member that created the record.
    Author,
    /// The member that made the last transition of the record.
    Previous,
}

impl std::str::FromStr for Barred {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "author" => Ok(Self::Author),
            "previous" => Ok(Self::Previous),
            _ => Err("must be \"author\" or \"previous\""),
        }
    }
}

impl Workflow {
    /// Returns the transition with this name.
    pub fn transition(&self, name: &str) -> Option<&Transition> {
        self.transitions.iter().find(|transition| transition.name.as_str() == name)
    }

    /// Returns true if only the platform writes the field: the state, and the name of the author.
    pub fn owns(&self, field: &FieldName) -> bool {
        self.field == *field || self.author.as_ref() == Some(field)
    }
}

impl Model {
    /// Returns the automatic model that holds the transitions which records of this model made. Returns `None` without a
    /// workflow, or if `{name}_trail` is too long for a name ([`super::load`] refuses that).
    pub fn trail_model(&self) -> Option<Model> {
        self.workflow.as_ref()?;
        let text = |chars| FieldKind::Text { max_length: Some(chars) };
        let id = match self.id {
            IdKind::Integer => FieldKind::Integer { min: None, max: None },
            IdKind::Uuid => text(36),
        };
        let optional = |field: Field| Field { required: false, ..field };
        let fields = vec![
            Field { index: true, ..Field::automatic("record", id)? },
            Field::automatic("record_version", FieldKind::Integer { min: None, max: None })?,
            Field::automatic("transition", text(63))?,
            Field::automatic("from_state", text(200))?,
            Field::automatic("to_state", text(200))?,
            Field::automatic("actor", text(200))?,
            Field::automatic("person", text(200))?,
            optional(Field::automatic("impersonator", text(200))?),
            Field { personal: true, ..optional(Field::automatic("comment", text(COMMENT_CHARS))?) },
        ];
        let model = self.automatic("trail", self.store.clone(), fields)?;
        Some(Model { audit: false, ..model })
    }
}

/// Parses the `workflow` table of a model with these fields.
pub(super) fn workflow(
    sink: &mut Sink,
    root: &mut Section<'_>,
    fields: &[Field],
    lines: &mut HashMap<String, usize>,
) -> Option<Workflow> {
    let mut table = root.section(sink, "workflow")?;
    let at = table.at;
    lines.insert("workflow".into(), sink.line(at));
    let field = table.parsed::<FieldName>(sink, "field");
    let initial = table.text(sink, "initial");
    let author = table.parsed::<FieldName>(sink, "author");
    let transitions = transitions(sink, &mut table, at);
    table.finish(sink, "field, initial, author, transitions");
    let Some(field) = field else {
        sink.add(at, "`field` must name the choice field that holds the state");
        return None;
    };
    let Some(initial) = initial else {
        sink.add(at, "`initial` must name the state of a new record");
        return None;
    };
    if let Some(author) = &author {
        check_author(sink, author, fields);
    }
    for (transition, at) in &transitions {
        if author.is_none() && transition.not_by.contains(&Barred::Author) {
            sink.add(*at, "`not_by = [\"author\"]` needs `author` of the workflow, which names a text field");
        }
    }
    let states = states(sink, &field, &initial, fields)?;
    check_states(sink, &initial, states, &transitions);
    Some(Workflow {
        field: field.value,
        initial: initial.value.to_owned(),
        author: author.map(|author| author.value),
        transitions: transitions.into_iter().map(|(transition, _)| transition).collect(),
    })
}

fn transitions(sink: &mut Sink, table: &mut Section<'_>, at: usize) -> Vec<(Transition, usize)> {
    let Some(section) = table.section(sink, "transitions") else {
        sink.add(at, "a workflow needs at least one table [workflow.transitions.NAME]");
        return Vec::new();
    };
    let all = section.into_sections(sink);
    all.into_iter().filter_map(|(key, table)| transition(sink, &key, table)).collect()
}

fn transition(sink: &mut Sink, key: &At<&str>, mut table: Section<'_>) -> Option<(Transition, usize)> {
    let name = FieldName::parse(key.value).map_err(|error| sink.add(key.at, error.to_string())).ok();
    let label = table.text(sink, "label").map_or_else(|| human(key.value), |text| text.value.to_owned());
    let from = table.texts(sink, "from").unwrap_or_default();
    let to = table.text(sink, "to");
    let roles = table.list::<Grant>(sink, "roles");
    let comment = table.flag(sink, "comment");
    let not_by = table.list::<Barred>(sink, "not_by").unwrap_or_default();
    table.finish(sink, KNOWN);
    if from.is_empty() {
        sink.add(
            key.at,
            format!("`{}` needs `from = [\"…\"]`: the states in which it can be made", key.value),
        );
    }
    let Some(to) = to else {
        sink.add(key.at, format!("`{}` needs `to = \"…\"`: the state after it", key.value));
        return None;
    };
    let from: Vec<String> = from.into_iter().map(|state| state.value.to_owned()).collect();
    if from.iter().any(|state| state == to.value) {
        sink.add(to.at, format!("`{}` leads from `{1}` to `{1}`, which is no change", key.value, to.value));
    }
    let transition = Transition {
        name: name?,
        label,
        from,
        to: to.value.to_owned(),
        roles: roles.map(|roles| roles.into_iter().map(|role| role.value).collect()),
        comment,
        not_by: not_by.into_iter().map(|barred| barred.value).collect(),
    };
    Some((transition, key.at))
}

fn check_author(sink: &mut Sink, author: &At<FieldName>, fields: &[Field]) {
    match fields.iter().find(|field| field.name == author.value) {
        None => sink.add(author.at, format!("`author`: there is no field `{}`", author.value)),
        Some(field) => {
            let is_long = matches!(field.kind, FieldKind::Text { max_length } if max_length.is_none_or(|most| most >= 100));
            if !is_long || field.required || field.unique {
                let rule = "must be text of at least 100 characters, neither required nor unique";
                sink.add(
                    author.at,
                    format!("`author`: `{}` {rule}, because the platform fills it", author.value),
                );
            }
        }
    }
}

/// Returns the states of the field, if it can hold the state.
fn states<'f>(
    sink: &mut Sink,
    field: &At<FieldName>,
    initial: &At<&str>,
    fields: &'f [Field],
) -> Option<&'f [String]> {
    let name = &field.value;
    let Some(found) = fields.iter().find(|field| field.name == *name) else {
        sink.add(field.at, format!("`field`: there is no field `{name}`"));
        return None;
    };
    let FieldKind::Choice { choices } = &found.kind else {
        sink.add(field.at, format!("`field`: `{name}` must be a choice, whose values are the states"));
        return None;
    };
    if !found.required || found.default.as_ref().and_then(|value| value.as_str()) != Some(initial.value) {
        let wanted = format!("`required = true` and `default = \"{}\"`", initial.value);
        sink.add(field.at, format!("`{name}` needs {wanted}, because each record begins in that state"));
    }
    Some(choices)
}

/// Reports states that no choice has, and states that no record can reach.
fn check_states(sink: &mut Sink, initial: &At<&str>, states: &[String], transitions: &[(Transition, usize)]) {
    let is_known = |state: &str| states.iter().any(|known| known == state);
    if !is_known(initial.value) {
        sink.add(
            initial.at,
            format!("`initial`: `{}` is no state; there are {}", initial.value, states.join(", ")),
        );
        return;
    }
    for (transition, at) in transitions {
        for state in transition.from.iter().chain([&transition.to]).filter(|state| !is_known(state)) {
            let known = states.join(", ");
            sink.add(*at, format!("`{}`: `{state}` is no state; there are {known}", transition.name));
        }
    }
    let mut reached = BTreeSet::from([initial.value]);
    loop {
        let before = reached.len();
        for (transition, _) in transitions {
            if transition.from.iter().any(|state| reached.contains(state.as_str())) {
                reached.insert(&transition.to);
            }
        }
        if reached.len() == before {
            break;
        }
    }
    let lost: Vec<_> = states.iter().filter(|state| !reached.contains(state.as_str())).cloned().collect();
    if !lost.is_empty() {
        sink.add(initial.at, format!("no transitions lead from `{}` to {}", initial.value, lost.join(", ")));
    }
}
