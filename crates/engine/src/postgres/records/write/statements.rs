//! The statements of a write transaction that make its changes.

use super::{opening::Start, transaction::Statement};
use crate::{
    cell::{Key, Stored},
    error::{Error, Result},
    model::{IdKind, OnDelete},
    place::Isolation,
    postgres::{
        names::quoted,
        opened::Opened,
        records::{Bound, bound::keys, search::searched},
        search,
    },
    schema::{Plan, Referrer, Schema},
    write::{Act, Ready, Trouble, Write, number},
};
use std::{fmt::Write as _, sync::Arc};

/// A statement that was sent for one change, or for several changes that each insert a row.
pub(super) struct Sent<'a> {
    pub(super) plan: &'a Plan,
    pub(super) parts: Vec<Part<'a>>,
    pub(super) statement: Statement<'a>,
}

/// The part of a statement that belongs to one change.
pub(super) struct Part<'a> {
    /// Index of the write in the transaction.
    pub(super) write: usize,
    /// Index of the change in the write.
    pub(super) change: usize,
    pub(super) does: Does<'a>,
}

/// The effect of a statement.
pub(super) enum Does<'a> {
    Insert(&'a [Stored<'a>]),
    Update(Option<i64>, &'a [(usize, Stored<'a>)]),
    /// Sets a field of other rows to null, because the row with this id is deleted.
    SetNull(&'a Referrer, Key),
    Delete,
}

/// Builds the statements of a transaction.
pub(super) struct Statements<'a> {
    place: &'a Opened,
    isolation: Isolation,
    start: &'a mut Start,
    now: jiff::Timestamp,
    /// Rows of one model that are inserted together.
    rows: Option<Rows<'a>>,
    sent: Vec<Sent<'a>>,
}

/// How consecutive inserts are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Inserts {
    /// Inserts into one model share a statement. Its refusal does not tell which row was refused.
    Together,
    Alone,
}

/// Returns the statements of all changes of these writes, in order.
pub(super) fn all<'a>(
    place: &'a Opened,
    writes: &'a [Write<'a>],
    start: &'a mut Start,
    now: jiff::Timestamp,
    inserts: Inserts,
) -> Result<Vec<Sent<'a>>, Trouble> {
    let isolation = place.site.place.isolation;
    let mut statements = Statements { place, isolation, start, now, rows: None, sent: vec![] };
    for (write, of) in writes.iter().enumerate() {
        for (change, ready) in of.changes.iter().enumerate() {
            statements
                .one((write, change), ready, &of.request.schema)
                .map_err(|error| Trouble::Refused(write, error.with_index(change).into()))?;
            if inserts == Inserts::Alone {
                statements.insert();
            }
        }
    }
    statements.insert();
    Ok(statements.sent)
}

impl<'a> Statements<'a> {
    fn one(&mut self, at: (usize, usize), ready: &'a Ready<'a>, schema: &'a Arc<Schema>) -> Result<()> {
        let plan = ready.plan;
        if let Act::Insert { id, values } = &ready.act {
            return self.add_row(at, plan, *id, values);
        }
        self.insert();
        match &ready.act {
            Act::Insert { .. } => {}
            Act::Update { id, expected, values } => {
                let statement = self.update(plan, *id, *expected, values);
                self.send(at, plan, Does::Update(*expected, values), statement);
            }
            Act::Delete { id, expected } => {
                for referrer in plan.referrers.iter().filter(|r| r.on_delete == OnDelete::SetNull) {
                    let of = schema.require(referrer.model.as_str())?;
                    let statement = self.set_null(of, referrer, *id, plan);
                    self.send(at, of, Does::SetNull(referrer, *id), statement);
                }
                let sql = self.place.text(&plan.postgres(self.isolation).delete);
                let values = vec![self.tenant(), Bound::Key(*id), Bound::Integer(*expected)];
                self.send(at, plan, Does::Delete, Statement { sql, values });
            }
        }
        Ok(())
    }

    fn send(
        &mut self,
        (write, change): (usize, usize),
        plan: &'a Plan,
        does: Does<'a>,
        statement: Statement<'a>,
    ) {
        self.sent.push(Sent { plan, parts: vec![Part { write, change, does }], statement });
    }

    fn tenant(&self) -> Bound<'a> {
        Bound::Integer(Some(self.place.site.tenant))
    }

    /// Adds a row to those that are inserted together, or begins a new statement with it.
    fn add_row(
        &mut self,
        (write, change): (usize, usize),
        plan: &'a Plan,
        id: Option<Key>,
        values: &'a [Stored<'a>],
    ) -> Result<()> {
        let id = match plan.model.id {
            IdKind::Integer => {
                number(self.start.numbers.entry(plan.model.name.to_string()).or_default(), id)?
            }
            IdKind::Uuid => id.ok_or_else(|| Error::invalid("id", "must be a UUID"))?,
        };
        if self.rows.as_ref().is_some_and(|rows| !rows.takes(plan)) {
            self.insert();
        }
        let rows = self.rows.get_or_insert_with(|| Rows::new(plan));
        if plan.is_searched() {
            let texts: Vec<_> = searched(plan).into_iter().map(|p| text(&values[p - 1])).collect();
            rows.words.push(search::vector(texts.iter().copied()));
            self.start.texts.put(plan, id, &texts);
        }
        rows.ids.push(id);
        rows.values.push(values);
        rows.parts.push(Part { write, change, does: Does::Insert(values) });
        Ok(())
    }

    /// Sends the rows that were added.
    fn insert(&mut self) {
        let Some(rows) = self.rows.take() else { return };
        let (plan, texts) = (rows.plan, rows.plan.postgres(self.isolation));
        let sql = if rows.ids.len() == 1 { &texts.insert } else { &texts.insert_many };
        let mut values = vec![self.tenant()];
        let parts = rows.bind(self.now, &mut values);
        self.sent.push(Sent { plan, parts, statement: Statement { sql: self.place.text(sql), values } });
    }

    /// Returns the statement that changes a row. It returns the row before the change, then the changed row if it had
    /// other values.
    fn update(
        &mut self,
        plan: &'a Plan,
        id: Key,
        expected: Option<i64>,
        values: &'a [(usize, Stored<'a>)],
    ) -> Statement<'a> {
        let texts = plan.postgres(self.isolation);
        let mut bound =
            vec![self.tenant(), Bound::Key(id), Bound::Integer(expected), Bound::Instant(self.now)];
        let (mut sets, mut differs) = (String::new(), String::from("false"));
        for (position, value) in values {
            bound.push(Bound::Borrowed(plan.storages[*position], value));
            let (name, number) = (quoted(plan.columns[*position].name.as_str()), bound.len());
            let _ = write!(sets, ", {name} = ${number}");
            // JSON has no equality in PostgreSQL, but its text has.
            let cast = if plan.storages[*position] == crate::Storage::Json { "::text" } else { "" };
            let _ = write!(differs, " OR t.{name}{cast} IS DISTINCT FROM ${number}{cast}");
        }
        if let Some(words) = self.words(plan, id, values) {
            bound.push(Bound::Text(words));
            let _ = write!(sets, ", \"{}\" = ${}::tsvector", search::COLUMN, bound.len());
        }
        let (table, scope, columns) = (&texts.table, &texts.scope, &texts.columns);
        let sql = format!(
            "WITH b AS (SELECT {columns} FROM {table} AS t WHERE {scope} AND t.\"id\" = $2), \
             u AS (UPDATE {table} AS t SET \"updated_at\" = $4, \"version\" = t.\"version\" + 1{sets} \
             WHERE {scope} AND t.\"id\" = $2 AND ($3 IS NULL OR t.\"version\" = $3) AND ({differs}) \
             RETURNING {columns}) SELECT b.*, u.* FROM b LEFT JOIN u ON true"
        );
        Statement { sql: self.place.text(&sql), values: bound }
    }

    /// Returns the words of a row whose searched texts change, or `None` if none of them does.
    fn words(&mut self, plan: &'a Plan, id: Key, values: &'a [(usize, Stored<'a>)]) -> Option<String> {
        let fields = searched(plan);
        let given =
            |position: &usize| values.iter().find(|(p, _)| p == position).map(|(_, value)| text(value));
        if !fields.iter().any(|position| given(position).is_some()) {
            return None;
        }
        let before = self.start.texts.of(plan, id);
        let texts = fields.iter().enumerate().map(|(index, position)| match given(position) {
            Some(text) => text.map(str::to_owned),
            None => before.and_then(|texts| texts.get(index).cloned()).flatten(),
        });
        let texts: Vec<Option<String>> = texts.collect();
        let texts: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
        self.start.texts.put(plan, id, &texts);
        Some(search::vector(texts))
    }

    fn set_null(&self, plan: &Plan, referrer: &Referrer, id: Key, target: &Plan) -> Statement<'a> {
        // A row that refers to itself is not updated before it is deleted. Otherwise its version would no longer be the
        // expected one.
        let others = if plan.model.name == target.model.name { " AND t.\"id\" <> $2" } else { "" };
        let texts = plan.postgres(self.isolation);
        let (table, scope, field) = (&texts.table, &texts.scope, quoted(referrer.field.as_str()));
        let sql = format!(
            "UPDATE {table} AS t SET {field} = NULL, \"updated_at\" = $3, \"version\" = t.\"version\" + 1 \
             WHERE {scope} AND t.{field} = $2{others} RETURNING t.\"id\""
        );
        let values = vec![self.tenant(), Bound::Key(id), Bound::Instant(self.now)];
        Statement { sql: self.place.text(&sql), values }
    }
}

/// Rows of one model that one statement inserts.
struct Rows<'a> {
    plan: &'a Plan,
    ids: Vec<Key>,
    values: Vec<&'a [Stored<'a>]>,
    words: Vec<String>,
    parts: Vec<Part<'a>>,
}

impl<'a> Rows<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self { plan, ids: vec![], values: vec![], words: vec![], parts: vec![] }
    }

    /// Returns true if a row of this model may join the statement. A row that may refer to another row of its model
    /// gets its own statement: within one statement, it could refer to a later row.
    fn takes(&self, plan: &Plan) -> bool {
        std::ptr::eq(self.plan, plan) && !plan.referrers.iter().any(|r| r.model == plan.model.name)
    }

    /// Appends the parameters of the insert of one row, or of several.
    fn bind(mut self, now: jiff::Timestamp, bound: &mut Vec<Bound<'a>>) -> Vec<Part<'a>> {
        let storages = &self.plan.storages;
        if let [id] = self.ids[..] {
            bound.extend([Bound::Key(id), Bound::Instant(now)]);
            let fields = storages[1..].iter().zip(self.values[0]);
            bound.extend(fields.map(|(storage, value)| Bound::Borrowed(*storage, value)));
            bound.extend(self.words.pop().map(Bound::Text));
        } else {
            bound.extend([keys(storages[0], self.ids), Bound::Instant(now)]);
            for at in 0..self.plan.model.fields.len() {
                let column = self.values.iter().map(|values| &values[at]).collect();
                bound.push(Bound::Column(storages[at + 1], column));
            }
            if self.plan.is_searched() {
                bound.push(Bound::Texts(self.words.into_iter().map(Some).collect()));
            }
        }
        self.parts
    }
}

fn text<'v>(value: &'v Stored<'_>) -> Option<&'v str> {
    match value {
        Stored::Text(text) => Some(text),
        _ => None,
    }
}
