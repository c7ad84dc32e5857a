//! `/admin/data/`: the models that all companies share, with the number of their records.

use super::platform;
use crate::http::{
    pages::{
        answer::page,
        frame,
        visit::{Oneself, Staffed},
        words::number,
    },
    problem::{Problem, Result},
};
use axum::response::Response;
use http::StatusCode;
use std::sync::Arc;
use tenantry::{
    access::gates::{self, Verb},
    config,
    model::{FieldKind, Model},
    query::Select,
    records::{ListQuery, Scope},
};
use tenantry_console::master::{Body, Cell, Section, Sheet, Table, Tone};

/// `GET /admin/data/`.
pub(in crate::http) async fn list(Staffed(of): Staffed) -> Result<Response> {
    let models = platform(&of).models();
    let config = platform(&of).config();
    let is_shared = |model: &Model| {
        config.store(model.store.as_str()).is_some_and(|store| store.scope == config::Scope::System)
    };
    let shared = models
        .iter()
        .filter(|model| is_shared(model) && gates::allows(&of.actor, &model.permissions, Verb::Read));
    let mut rows = Vec::new();
    for model in shared {
        rows.push(row(&of, model, &models).await);
    }
    let body = match rows.is_empty() {
        true => Body::Nothing(
            "layers",
            "No model is shared".into(),
            "Models of a store of scope system are the same for all companies.".into(),
        ),
        false => Body::Table(Table::new(&["Model", "Records", "Who refers to it"], rows)),
    };
    let frame = frame::of_staff(&of, "Shared data");
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: "Records that are the same for all companies. Staff change them, once for all.".into(),
        tags: vec![],
        buttons: vec![],
        sections: vec![Section::new("models", "", body)],
    };
    Ok(page(StatusCode::OK, &sheet))
}

async fn row(of: &Oneself, model: &Model, models: &[Arc<Model>]) -> Vec<Cell> {
    let count = match count(of, model).await {
        Ok(0) => Cell::tag("None yet", Tone::Warn),
        Ok(count) => Cell::number(number(count)),
        Err(problem) => Cell::tag("Cannot be read", Tone::Bad).small(problem.detail()),
    };
    let refers = |other: &&Arc<Model>| {
        other.fields.iter().any(|field| matches!(&field.kind, FieldKind::Ref { to, .. } if *to == model.name))
    };
    let referring: Vec<_> = models.iter().filter(refers).map(|other| other.label.clone()).collect();
    vec![
        Cell::link(&model.label, format!("/admin/data/{}/", model.name)),
        count,
        Cell::text(referring.join(", ")),
    ]
}

async fn count(of: &Oneself, model: &Model) -> Result<u64> {
    let records = platform(of).records(Scope::Staff(&of.actor), model.name.as_str())?;
    let select = Select { limit: 1, ..Select::default() };
    let page =
        records.list(&ListQuery { select, count: true, expand: vec![] }).await.map_err(Problem::from)?;
    Ok(page.count.unwrap_or(0))
}
