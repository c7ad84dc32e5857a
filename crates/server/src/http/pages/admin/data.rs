//! `/admin/data/`: the models that all companies share, with the number of their records.

use super::platform;
use crate::http::{
    pages::{
        answer::page,
        frame,
        visit::{Oneself, Staffed},
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
    let words = &of.visit.words;
    let models = words.labels.models();
    let config = platform(&of).config();
    let is_shared = |model: &Model| {
        config.store(model.store.as_str()).is_some_and(|store| store.scope == config::Scope::System)
    };
    let shared = models
        .iter()
        .filter(|model| is_shared(model) && gates::allows(&of.actor, &model.permissions, Verb::Read));
    let mut rows = Vec::new();
    for model in shared {
        rows.push(row(&of, model, models).await);
    }
    let body = match rows.is_empty() {
        true => Body::Nothing(
            "layers",
            words.say("no-model-is-shared").into(),
            words.say("data-none-help").into(),
        ),
        false => Body::Table(Table::new(&words.each(["model", "records", "who-refers-to-it"]), rows)),
    };
    let frame = frame::of_staff(&of, words.say("nav-shared"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("data-lead").into(),
        tags: vec![],
        buttons: vec![],
        sections: vec![Section::new("models", "", body)],
    };
    Ok(page(StatusCode::OK, &sheet))
}

async fn row(of: &Oneself, model: &Model, models: &[Arc<Model>]) -> Vec<Cell> {
    let words = &of.visit.words;
    let count = match count(of, model).await {
        Ok(0) => Cell::tag(words.say("none-yet"), Tone::Warn),
        Ok(count) => Cell::number(words.number(count)),
        Err(problem) => Cell::tag(words.say("cannot-be-read"), Tone::Bad)
            .small(crate::http::pages::reasons::detail(words, &problem)),
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
