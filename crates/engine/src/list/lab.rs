//! Documents of FBS and the lists that their composite indexes serve, for tests that read query plans.

use crate::{
    model::{Model, Scope, Source, load},
    name::{AppName, FieldName},
    query::{Direction, Filter, Operator, Select},
    value::Value,
};

macro_rules! fbs {
    ($($model:literal)*) => {
        [$(($model, include_str!(concat!("../../../../apps/fbs/models/", $model, ".toml")))),*]
    };
}

/// Returns the models of FBS.
pub(crate) fn documents() -> Vec<Model> {
    let files = fbs!("categories" "document_types" "documents");
    let source = |(name, text)| Source { app: AppName::parse("fbs").unwrap(), name, file: name, text };
    load(&files.map(source), &|_| Some(Scope::Tenant)).unwrap()
}

/// Returns the lists of documents by state and by date, and the index that each walks.
pub(crate) fn lists() -> Vec<(Select, &'static str)> {
    let field = |name: &str| FieldName::parse(name).unwrap();
    let newest = || vec![(field("created_at"), Direction::Descending).into()];
    let pending = Filter::Compare(field("state"), Operator::Eq, "pending".into());
    let since = Value::DateTime("2026-01-01T00:00:00Z".parse().unwrap());
    let since = Filter::Compare(field("created_at"), Operator::Ge, since);
    let (by_state, by_date) = ("documents__state_created_at__idx", "documents__created_at__idx");
    let list = |filter, sort| Select { filter, sort, ..Select::default() };
    vec![
        (list(pending.clone(), newest()), by_state),
        (list(Filter::All(vec![pending, since.clone()]), newest()), by_state),
        (list(since, newest()), by_date),
        (list(Filter::All(vec![]), newest()), by_date),
    ]
}
