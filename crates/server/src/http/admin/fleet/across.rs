//! Staff handler for aggregates over the rows of a model in all tenants.

use crate::{
    http::{
        App,
        body::Json,
        problem::{Problem, Result},
        query::{self, FUNCTIONS, Models, name_of},
        scope::Staff,
    },
    wire::{
        across::{Across, AcrossGroup},
        impact::Unasked,
    },
};
use axum::extract::{Path, RawQuery};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::sync::Arc;
use tenantry::{
    Platform,
    access::Actor,
    model::Model,
    name::ModelName,
    query::{Aggregate, Group},
    row::json::write_owned,
    tenants::{
        State,
        across::{self, Which},
    },
    value,
};

/// A model of tenants, whose references lead nowhere here, and the time of the request in microseconds.
struct Alone(Arc<Model>, i64);

impl Models for Alone {
    fn listed(&self) -> &Model {
        &self.0
    }

    fn readable(&self, _: &ModelName) -> Option<Arc<Model>> {
        None
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.1).unwrap_or_default()
    }
}

/// `GET /api/admin/analytics/{tenant_model}`: numbers, sums and averages over the rows of all tenants.
pub(in crate::http) async fn show(
    app: App,
    Staff(actor): Staff,
    Path(model): Path<String>,
    RawQuery(text): RawQuery,
) -> Result<Json<Across>> {
    ask(app.platform(), &actor, &model, text.as_deref().unwrap_or_default()).await.map(Json)
}

/// Answers a question about the rows of all tenants, which is the query of a request.
pub(crate) async fn ask(platform: &Platform, actor: &Actor, model: &str, text: &str) -> Result<Across> {
    let tenants = platform.tenants();
    tenants.require_analyst(actor)?;
    let (which, rest) = which(text)?;
    let found = platform.models().into_iter().find(|known| known.name.as_str() == model);
    let models = Alone(found.ok_or(tenantry::Error::NotFound("model"))?, platform.now_us());
    let asked = query::aggregate(&models, &rest)?;
    let found = tenants.aggregate(actor, model, &asked, &which).await?;
    Ok(answer(&asked, found))
}

/// Splits the parameters that select tenants from those of the aggregate.
fn which(text: &str) -> Result<(Which, String)> {
    let (mut which, mut rest) = (Which::default(), Vec::new());
    for pair in text.split('&') {
        let Some(of_tenants) = pair.strip_prefix("tenant.") else {
            rest.push(pair);
            continue;
        };
        for (name, value) in query::pairs(of_tenants).flatten() {
            match &*name {
                "state" => {
                    let state = State::parse(&value)
                        .map_err(|_| Problem::field("tenant.state", "is no state of tenants"));
                    which.state = Some(state?);
                }
                "plan" => which.plan = Some(value.into_owned()),
                "server" => {
                    let name =
                        value.parse().map_err(|_| Problem::field("tenant.server", "is no name of a server"));
                    which.server = Some(name?);
                }
                other => {
                    let reason = "no such condition; there are: tenant.state, tenant.plan, tenant.server";
                    return Err(Problem::field(format!("tenant.{other}"), reason));
                }
            }
        }
    }
    Ok((which, rest.join("&")))
}

fn answer(asked: &Aggregate, found: across::Across) -> Across {
    let across::Across { groups, more, hidden, smallest_group, asked: answered, unasked, unasked_count } =
        found;
    Across {
        groups: groups.into_iter().map(|group| group_of(asked, &group)).collect(),
        more,
        hidden,
        smallest_group,
        asked: answered,
        unasked: unasked.into_iter().map(Unasked::from).collect(),
        unasked_count,
    }
}

fn group_of(asked: &Aggregate, group: &Group) -> AcrossGroup {
    let keys = asked.group_by.iter().zip(&group.keys);
    let keys = keys.map(|(key, value)| (name_of(key), json(value))).collect();
    let mut results = Map::new();
    for (name, function) in FUNCTIONS {
        let of_function = asked.measures.iter().zip(&group.measures).filter(|(m, _)| m.function == function);
        let by_field: Map<String, Value> =
            of_function.map(|(measure, value)| (measure.field.to_string(), json(value))).collect();
        if !by_field.is_empty() {
            results.insert(name.to_owned(), by_field.into());
        }
    }
    AcrossGroup { group: keys, count: group.count, results }
}

fn json(value: &value::Value) -> Value {
    let mut bytes = Vec::new();
    write_owned(&mut bytes, value);
    serde_json::from_slice(&bytes).unwrap_or_default()
}
