//! Final statements of a write transaction: they write the activity log (`audited-commit`), the recording of touched
//! records while the place is being copied, the last numbers of models, and the counters.

use super::{opening::Start, transaction::Statement};
use crate::{
    postgres::{
        opened::Opened,
        records::{Bound, SCHEMA, usage::Held},
    },
    write::{Effects, Write},
};

/// Returns the statements that end a transaction.
pub(super) fn statements<'a>(
    place: &Opened,
    writes: &[Write<'_>],
    (start, now): (&Start, jiff::Timestamp),
    effects: &Effects<'_>,
    held: &Held,
) -> Vec<Statement<'a>> {
    let store = writes[0].request.schema.store().as_str();
    let mut end = End { place, statements: vec![] };
    end.log(writes, now, effects);
    if held.records {
        end.note(store, effects);
    }
    end.numbers(start);
    let (rows, bytes) = effects.grown();
    if (rows, bytes) != (0, 0) {
        let sql = format!(
            "UPDATE {SCHEMA}._tenantry_place SET rows = rows + $2, bytes = bytes + $3 \
             WHERE tenant = $1 AND store = '{store}'"
        );
        end.add(&sql, vec![Bound::Integer(Some(rows)), Bound::Integer(Some(bytes))]);
    }
    end.statements
}

struct End<'p, 'a> {
    place: &'p Opened,
    statements: Vec<Statement<'a>>,
}

impl<'a> End<'_, 'a> {
    /// Adds a statement. `$1` is the tenant.
    fn add(&mut self, sql: &str, values: Vec<Bound<'a>>) {
        let tenant = Bound::Integer(Some(self.place.site.tenant));
        let values = std::iter::once(tenant).chain(values).collect();
        self.statements.push(Statement { sql: self.place.text(sql), values });
    }

    fn log(&mut self, writes: &[Write<'_>], now: jiff::Timestamp, effects: &Effects<'_>) {
        if effects.lines.is_empty() {
            return;
        }
        let sql = format!(
            "INSERT INTO {SCHEMA}._tenantry_activity (tenant, at, actor, impersonator, action, model, record, detail) \
             SELECT $1, $2, l.actor, l.impersonator, l.action, l.model, l.record, l.detail \
             FROM unnest($3, $4, $5, $6, $7, $8) WITH ORDINALITY \
             AS l(actor, impersonator, action, model, record, detail, n) ORDER BY l.n"
        );
        let options = |write: usize| &writes[write].request.options;
        let lines = &effects.lines;
        let texts = |of: &dyn Fn(usize) -> Option<String>| Bound::Texts((0..lines.len()).map(of).collect());
        let values = vec![
            Bound::Instant(now),
            texts(&|at| Some(options(lines[at].write).actor.clone())),
            texts(&|at| options(lines[at].write).impersonator.clone()),
            texts(&|at| Some(lines[at].action.to_owned())),
            texts(&|at| Some(lines[at].model.to_string())),
            texts(&|at| Some(lines[at].record.to_string())),
            texts(&|at| lines[at].detail.clone()),
        ];
        self.add(&sql, values);
    }

    /// Records the touched records, each as often as it was touched, including those that lost a reference.
    fn note(&mut self, store: &str, effects: &Effects<'_>) {
        let touched = effects.touched();
        let (models, ids) =
            touched.map(|(model, id)| (Some(model.to_string()), Some(id.to_string()))).unzip();
        let sql = format!(
            "INSERT INTO {SCHEMA}._tenantry_changes (tenant, store, model, id) SELECT $1, '{store}', n.model, n.id \
             FROM unnest($2, $3) AS n(model, id)"
        );
        self.add(&sql, vec![Bound::Texts(models), Bound::Texts(ids)]);
    }

    fn numbers(&mut self, start: &Start) {
        if start.numbers.is_empty() {
            return;
        }
        let (models, last) = start.numbers.iter().map(|(model, last)| (Some(model.clone()), *last)).unzip();
        let sql = format!(
            "INSERT INTO {SCHEMA}._tenantry_seq (tenant, model, last) SELECT $1, n.model, n.last \
             FROM unnest($2, $3) AS n(model, last) ON CONFLICT (tenant, model) DO UPDATE SET last = excluded.last"
        );
        self.add(&sql, vec![Bound::Texts(models), Bound::Integers(last)]);
    }
}
