//! Making transitions. The state, the role and the earlier members are checked against one version of the record, and the
//! transaction fails if the record has another version by then.

use super::{
    super::{
        Document,
        references::{Claims, agreement::is_conflict},
    },
    Records, field, id_in_trail, person,
};
use crate::{
    Error, Result,
    access::gates::{self, Verb},
    error::{FieldError, Rule},
};
use std::time::Instant;
use tenantry_engine::{
    model::{Barred, COMMENT_CHARS, Transition, Workflow},
    name::FieldName,
    query::{Change, RecordId},
    row::Collect,
    value::Value,
};

/// The state of a record, and the transitions that the caller may make now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The state.
    pub state: String,
    /// Version of the record.
    pub version: i64,
    /// Transitions that the caller may make, in the order of the model.
    pub transitions: Vec<OfferedTransition>,
}

/// A transition that the caller may make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedTransition {
    /// Name of the transition.
    pub name: String,
    /// Label for users.
    pub label: String,
    /// State after the transition.
    pub to: String,
    /// Whether the transition needs a comment.
    pub needs_comment: bool,
}

/// What decides about the transitions of a record, at one version.
struct Now {
    state: String,
    version: i64,
    author: Option<String>,
}

impl Records<'_> {
    /// Returns the state of a record, and the transitions that the caller may make now.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not read records of the model, and [`Error::NotFound`] for a model without
    /// a workflow and for a record that does not exist.
    pub async fn standing(&self, id: &str) -> Result<Standing> {
        self.allow(Verb::Read)?;
        let (workflow, id) = (self.workflow()?, self.parse_id(id)?);
        let now = self.now_of(workflow, &id).await?;
        let mut transitions = vec![];
        for step in workflow.transitions.iter().filter(|step| self.may_make(step)) {
            if step.from.contains(&now.state) && self.barred(step, &now, &id).await?.is_none() {
                transitions.push(OfferedTransition {
                    name: step.name.to_string(),
                    label: step.label.clone(),
                    to: step.to.clone(),
                    needs_comment: step.comment,
                });
            }
        }
        Ok(Standing { state: now.state, version: now.version, transitions })
    }

    /// Makes a transition, and adds it to the record's trail. With an expected version, does so only if the record has that
    /// version.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not make the transition; [`Error::NotFound`] if the record or the
    /// transition does not exist; [`Error::Conflict`] if the record is in another state, or if the actor created the record
    /// or made its last transition and the model bars that; [`Error::InvalidFields`] for a missing or too long comment.
    pub async fn transit(
        &self,
        id: &str,
        name: &str,
        expected: Option<i64>,
        comment: Option<&str>,
    ) -> Result<Document> {
        self.allow(Verb::Read)?;
        let workflow = self.workflow()?;
        let step = workflow.transition(name).ok_or(Error::NotFound("transition"))?;
        if !self.may_make(step) {
            return Err(Error::Denied(format!("{name} of {}", self.name())));
        }
        let (id, comment) = (self.parse_id(id)?, commented(step, comment)?);
        let until = self.inner.write_deadline();
        loop {
            let now = self.now_of(workflow, &id).await?;
            if expected.is_some_and(|expected| expected != now.version) {
                return Err(Error::VersionConflict(now.version));
            }
            if !step.from.contains(&now.state) {
                let from = step.from.join("` or `");
                let text = format!("the record is `{}` now, and `{name}` needs `{from}`", now.state);
                return Err(Error::Conflict(text));
            }
            if let Some(reason) = self.barred(step, &now, &id).await? {
                return Err(Error::Conflict(reason.into()));
            }
            let changes = self.changes(workflow, step, &now, &id, comment.as_deref())?;
            let claims = Claims::of(&self.loaded, &self.entry.model, &changes);
            match self.apply_claiming(&self.entry, &changes, &claims).await {
                // Another request has changed the record since, perhaps its state.
                Err(error) if expected.is_none() && is_conflict(&error) && Instant::now() < until => {}
                done => return done?.first().map(|w| self.document(w)).ok_or(Error::NotFound("record")),
            }
        }
    }

    /// Returns the change of the state and the entry in the trail.
    fn changes(
        &self,
        workflow: &Workflow,
        step: &Transition,
        now: &Now,
        id: &RecordId,
        comment: Option<&str>,
    ) -> Result<Vec<Change>> {
        let text = |text: &str| Value::Text(text.into());
        let mut values = vec![
            (field("record"), id_in_trail(id)),
            (field("record_version"), Value::Integer(now.version + 1)),
            (field("transition"), text(step.name.as_str())),
            (field("from_state"), text(&now.state)),
            (field("to_state"), text(&step.to)),
            (field("actor"), text(self.actor().label())),
            (field("person"), text(&person(self.actor()))),
        ];
        values.extend(self.actor().impersonator().map(|by| (field("impersonator"), text(by))));
        values.extend(comment.map(|comment| (field("comment"), text(comment))));
        Ok(vec![
            Change::Update {
                model: self.entry.model.name.clone(),
                id: id.clone(),
                expected_version: Some(now.version),
                values: vec![(workflow.field.clone(), text(&step.to))],
            },
            Change::Insert { model: self.trail_name()?, id: None, values },
        ])
    }

    fn may_make(&self, step: &Transition) -> bool {
        let grants = step.roles.as_ref().unwrap_or(&self.entry.model.permissions.update);
        gates::holds(self.actor(), grants)
    }

    /// Returns the reason why the actor may not make the transition, because of an earlier act on the record. A support
    /// visit cannot tell whether the staff member has acted before in another name, so it makes no such transition.
    async fn barred(&self, step: &Transition, now: &Now, id: &RecordId) -> Result<Option<&'static str>> {
        if !step.not_by.is_empty() && self.actor().impersonator().is_some() {
            return Ok(Some("a support visit cannot make this transition: a member must"));
        }
        let by = person(self.actor());
        for barred in &step.not_by {
            let (earlier, reason) = match barred {
                Barred::Author => (
                    now.author.clone(),
                    "the member who created the record cannot make this transition: another member must",
                ),
                Barred::Previous => (
                    self.last_in_trail(id, "person").await?.and_then(text_of),
                    "the member who made the last transition cannot make this one: another member must",
                ),
            };
            if earlier.as_deref() == Some(&*by) {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    async fn now_of(&self, workflow: &Workflow, id: &RecordId) -> Result<Now> {
        let columns: Vec<FieldName> =
            [Some(field("version")), Some(workflow.field.clone()), workflow.author.clone()]
                .into_iter()
                .flatten()
                .collect();
        let found = self.session().await?.get(self.name(), id, &columns, Collect::default()).await?;
        let row = found.and_then(|found| found.rows.into_iter().next()).ok_or(Error::NotFound("record"))?;
        let mut row = row.into_iter();
        let (Some(Value::Integer(version)), Some(Value::Text(state))) = (row.next(), row.next()) else {
            return Err(Error::Internal("a record without a state".into()));
        };
        Ok(Now { version, state: state.to_string(), author: row.next().and_then(text_of) })
    }
}

/// Returns the checked comment; `None` for an empty one.
fn commented(step: &Transition, comment: Option<&str>) -> Result<Option<String>> {
    let comment = comment.map(str::trim).filter(|comment| !comment.is_empty());
    let wrong = match comment {
        None if step.comment => FieldError::required("comment"),
        Some(comment) if comment.chars().count() > COMMENT_CHARS as usize => {
            FieldError::new("comment", Rule::Value, format!("must have at most {COMMENT_CHARS} characters"))
        }
        _ => return Ok(comment.map(str::to_owned)),
    };
    Err(Error::InvalidFields(vec![wrong]))
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    }
}
