//! An axum service that embeds the platform: own state, own routes, the [`Tenant`] extractor, records and own SQL in
//! the tenant's database.
//!
//! Note that a handler that takes [`Tenant`] cannot run before credentials, membership, state and subscription were
//! checked, and has no way to name another tenant.

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{FromRef, State},
    routing::get,
};
use serde_json::{Value, json};
use std::path::Path;
use tenantry::access::Operator;
use tenantry::{
    Platform,
    config::{Config, DEFAULT_TOML},
    name::StoreName,
    records::ListQuery,
};
use tenantry_server::http::{self, App, Options, Tenant, problem::Problem};

/// The service's state. It provides the platform's [`App`], which is all that the extractor needs.
#[derive(Clone)]
pub struct Clinic {
    app: App,
    greeting: &'static str,
}

impl FromRef<Clinic> for App {
    fn from_ref(clinic: &Clinic) -> App {
        clinic.app.clone()
    }
}

/// Opens the platform on `data` and returns it with a router that has its routes and the service's own.
pub async fn service(data: &Path) -> Result<(App, Router)> {
    let config = Config::parse("tenantry.toml", DEFAULT_TOML, data).map_err(|e| anyhow::anyhow!("{e}"))?;
    let platform = Platform::open(config).await?;
    platform.plans().initialise(&Operator::new("system")).await?;
    let app = App::new(platform.clone(), Options::of(&platform)?);
    let own = Router::new()
        .route("/clinic/today", get(today))
        .route("/clinic/ages", get(ages))
        .with_state(Clinic { app: app.clone(), greeting: "Good morning" });
    Ok((app.clone(), http::router(app).merge(own)))
}

/// `GET /clinic/today`: counts patients through the library, with the permissions of the caller.
async fn today(State(clinic): State<Clinic>, tenant: Tenant) -> Result<Json<Value>, Problem> {
    let records = clinic.app.platform().records(&*tenant, "patients")?;
    let page = records.list(&ListQuery { count: true, ..ListQuery::default() }).await?;
    Ok(Json(json!({"greeting": clinic.greeting, "company": tenant.name(), "patients": page.count})))
}

/// `GET /clinic/ages`: runs the service's own SQL, in this tenant's database only.
async fn ages(State(clinic): State<Clinic>, tenant: Tenant) -> Result<Json<Value>, Problem> {
    let store = StoreName::parse("tenant").map_err(tenantry::Error::from)?;
    let sql =
        "SELECT substr(born_on, 1, 4) AS year, count(*) AS patients FROM patients GROUP BY 1 ORDER BY 1";
    let rows = clinic.app.platform().tenant(&tenant).sql(&store, sql, Value::Null).await?;
    Ok(Json(json!({"columns": rows.columns, "rows": rows.rows})))
}
