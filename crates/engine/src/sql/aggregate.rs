//! SQL for groups of rows and the results that are computed for each group.

use super::Statement;
use crate::{
    list::aggregate::{Checked, Computed, Key},
    query::{Direction, Function, GroupOrder},
};
use std::fmt::Write;

/// Appends the selected columns: the keys, the number of rows, and for each measure its result. For a sum or an
/// average, that is the sum and the number of values.
pub(crate) fn columns<S: Statement>(statement: &mut S, asked: &Checked) {
    for Key { position, period, .. } in &asked.keys {
        match period {
            Some(period) => statement.first_day(*position, *period, asked.time_zone.as_deref()),
            None => statement.column(*position),
        }
        statement.text().push_str(", ");
    }
    statement.text().push_str("count(*)");
    for Computed { position, function, .. } in &asked.measures {
        statement.text().push_str(", ");
        let function = match function {
            Function::Sum | Function::Average => {
                statement.sum(*position);
                ", count("
            }
            Function::Min => "min(",
            Function::Max => "max(",
        };
        statement.text().push_str(function);
        statement.column(*position);
        statement.text().push(')');
    }
}

/// Appends `GROUP BY`.
pub(crate) fn groups<S: Statement>(statement: &mut S, asked: &Checked) {
    for number in 1..=asked.keys.len() {
        let word = if number == 1 { " GROUP BY " } else { ", " };
        let _ = write!(statement.text(), "{word}{number}");
    }
}

/// Appends the order, and a limit of one group more than the caller wants.
pub(crate) fn order<S: Statement>(statement: &mut S, asked: &Checked, order: GroupOrder, limit: u32) {
    let mut word = " ORDER BY ";
    if order == GroupOrder::Largest {
        statement.text().push_str(" ORDER BY count(*) DESC");
        word = ", ";
    }
    for index in 0..asked.keys.len() {
        let direction = S::direction(false, Direction::Ascending);
        let _ = write!(statement.text(), "{word}{}{direction}", index + 1);
        word = ", ";
    }
    let _ = write!(statement.text(), " LIMIT {}", u64::from(limit) + 1);
}
