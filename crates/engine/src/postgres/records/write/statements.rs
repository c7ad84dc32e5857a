//! The statements of a write transaction that make its changes.

use super::{
    group::Write,
    opening::Start,
    transaction::{Statement, Trouble},
};
use crate::{
    cell::{Key, Stored},
    error::{Error, Result},
    model::{IdKind, OnDelete},
    place::Isolation,
    postgres::{
        names::quoted,
        opened::Opened,
        records::{Bound, search::searched},
        search,
    },
    schema::{Plan, Referrer, Schema},
    write::{Act, ID_MAX, Ready},
};
use std::{fmt::Write as _, sync::Arc};

/// A statement that was sent for a change, and what it does.
pub(super) struct Sent<'a> {
    /// The write among those of the transaction.
    pub(super) write: usize,
    /// The change among those of the write.
    pub(super) change: usize,
    pub(super) plan: &'a Plan,
    pub(super) does: Does<'a>,
    pub(super) statement: Statement<'a>,
}

/// What a statement does.
pub(super) enum Does<'a> {
    Insert(&'a [Stored<'a>]),
    Update(Option<i64>, &'a [(usize, Stored<'a>)]),
    /// Sets a field of other rows to null, because the row with this id is deleted.
    SetNull(&'a Referrer, Key),
    Delete,
}

/// Makes the statements of a transaction.
pub(super) struct Statements<'a> {
    place: &'a Opened,
    isolation: Isolation,
    start: &'a mut Start,
    now: jiff::Timestamp,
    sent: Vec<Sent<'a>>,
}

/// Returns the statements of all changes of these writes, in order.
pub(super) fn all<'a>(
    place: &'a Opened,
    writes: &'a [Write<'a>],
    start: &'a mut Start,
    now: jiff::Timestamp,
) -> Result<Vec<Sent<'a>>, Trouble> {
    let isolation = place.site.place.isolation;
    let mut statements = Statements { place, isolation, start, now, sent: vec![] };
    for (at, write) in writes.iter().enumerate() {
        for (change, ready) in write.changes.iter().enumerate() {
            statements
                .one(at, change, ready, &write.request.schema)
                .map_err(|error| Trouble::Refused(at, error.with_index(change).into()))?;
        }
    }
    Ok(statements.sent)
}

impl<'a> Statements<'a> {
    fn one(
        &mut self,
        write: usize,
        change: usize,
        ready: &'a Ready<'a>,
        schema: &'a Arc<Schema>,
    ) -> Result<()> {
        let plan = ready.plan;
        let (does, statement) = match &ready.act {
            Act::Insert { id, values } => (Does::Insert(values), self.insert(plan, *id, values)?),
            Act::Update { id, expected, values } => {
                (Does::Update(*expected, values), self.update(plan, *id, *expected, values))
            }
            Act::Delete { id, expected } => {
                for referrer in plan.referrers.iter().filter(|r| r.on_delete == OnDelete::SetNull) {
                    let of = schema.require(referrer.model.as_str())?;
                    let statement = self.set_null(of, referrer, *id, plan);
                    let does = Does::SetNull(referrer, *id);
                    self.sent.push(Sent { write, change, plan: of, does, statement });
                }
                let sql = self.place.text(&plan.postgres(self.isolation).delete);
                let values = vec![self.tenant(), Bound::Key(*id), Bound::Integer(*expected)];
                (Does::Delete, Statement { sql, values })
            }
        };
        self.sent.push(Sent { write, change, plan, does, statement });
        Ok(())
    }

    fn tenant(&self) -> Bound<'a> {
        Bound::Integer(Some(self.place.site.tenant))
    }

    fn insert(&mut self, plan: &'a Plan, id: Option<Key>, values: &'a [Stored<'a>]) -> Result<Statement<'a>> {
        let id = match plan.model.id {
            IdKind::Integer => self.number(plan, id)?,
            IdKind::Uuid => id.ok_or_else(|| Error::invalid("id", "must be a UUID"))?,
        };
        let mut bound = vec![self.tenant(), Bound::Key(id), Bound::Instant(self.now)];
        let columns = plan.storages[1..].iter().zip(values);
        bound.extend(columns.map(|(storage, value)| Bound::Borrowed(*storage, value)));
        if plan.is_searched() {
            let texts: Vec<_> = searched(plan).into_iter().map(|p| text(&values[p - 1])).collect();
            bound.push(Bound::Text(search::vector(texts.iter().copied())));
            self.start.texts.put(plan, id, &texts);
        }
        Ok(Statement { sql: self.place.text(&plan.postgres(self.isolation).insert), values: bound })
    }

    /// Returns the next integer id, or the given one, which is not assigned again later.
    fn number(&mut self, plan: &Plan, given: Option<Key>) -> Result<Key> {
        let last = self.start.numbers.entry(plan.model.name.to_string()).or_default();
        let id = match given {
            Some(Key::Integer(given)) => given,
            _ => *last + 1,
        };
        if id > ID_MAX {
            return Err(Error::invalid("id", "the numbers of this model are used up"));
        }
        *last = (*last).max(id);
        Ok(Key::Integer(id))
    }

    /// Returns the change of a row. It returns the row as it was, then the row as it is if it had other values.
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
            // JSON has no equality: its text has.
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

    /// Returns the words of a row whose searched texts change; None if none does.
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
        // A row that refers to itself is deleted unchanged; otherwise its own version would no longer be the expected one.
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

fn text<'v>(value: &'v Stored<'_>) -> Option<&'v str> {
    match value {
        Stored::Text(text) => Some(text),
        _ => None,
    }
}
