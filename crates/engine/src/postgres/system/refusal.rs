//! Determines why PostgreSQL refused a statement of the platform, in the terms that callers match on.

use crate::{
    error::{Error, Kind},
    postgres::connections::refusal,
};
use tokio_postgres::error::{DbError, SqlState};

/// Gives the error the kind of the constraint that refused the statement.
pub(super) fn explained(error: Error) -> Error {
    match refusal(&error).and_then(kind) {
        Some(kind) => error.with_kind(kind),
        None => error,
    }
}

fn kind(refused: &DbError) -> Option<Kind> {
    let code = refused.code();
    let column = || refused.column().unwrap_or_default().to_owned();
    let kinds = [
        (SqlState::UNIQUE_VIOLATION, Kind::Unique(fields(refused.detail().unwrap_or_default()))),
        (SqlState::FOREIGN_KEY_VIOLATION, Kind::Reference(String::new())),
        (SqlState::NOT_NULL_VIOLATION, Kind::Invalid(column(), "is required".into())),
        (
            SqlState::CHECK_VIOLATION,
            Kind::Invalid(refused.constraint().unwrap_or_default().into(), "is not allowed".into()),
        ),
        (SqlState::INVALID_TEXT_REPRESENTATION, Kind::Invalid(column(), "is not allowed".into())),
    ];
    kinds.into_iter().find(|(state, _)| state == code).map(|(_, kind)| kind)
}

/// Returns the columns of a unique key from a detail such as `Key (a, b)=(1, 2) already exists.`. Servers with another
/// language use the same brackets.
fn fields(detail: &str) -> Vec<String> {
    let named = detail.split_once('(').and_then(|(_, rest)| rest.split_once(")=("));
    named.map_or_else(Vec::new, |(names, _)| names.split(", ").map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_unique_key_are_found() {
        assert_eq!(fields("Key (tenant, email)=(1, a) already exists."), ["tenant", "email"]);
        assert_eq!(fields("Schlüssel »(slug)=(x)« existiert bereits."), ["slug"]);
        assert!(fields("").is_empty());
    }
}
