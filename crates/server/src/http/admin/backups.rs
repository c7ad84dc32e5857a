//! Staff handlers for backups of one tenant, of many tenants and of the platform's own stores: make, list, verify,
//! prune, rescan.

use crate::{
    http::{
        App,
        body::{self, Json as Input},
        names::{Company, field, filtered},
        operation::{Accepted, Wait, accepted},
        problem::Result,
        query::Words,
        scope::{Staff, Superuser},
        view,
    },
    instants,
};
use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{
    Error, NewFromCopy,
    backups::{
        BackupId, Selection,
        catalog::{self, Filter, Listed},
        runs::Run,
        status::Status,
    },
    name::{Slug, StoreName},
};

/// Query of [`list`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Query {
    tenant: Option<String>,
    system: Option<bool>,
    state: Option<String>,
    before: Option<String>,
    limit: Option<u32>,
}

/// `GET /api/admin/backups`: newest first.
pub(in crate::http) async fn list(
    State(app): State<App>,
    Staff(_): Staff,
    Words(query): Words<Query>,
) -> Result<Json<Value>> {
    let state = query.state.as_deref().map(catalog::State::parse).transpose();
    let filter = Filter {
        tenant: filtered(&app, query.tenant.as_deref()).await?,
        system: query.system.unwrap_or(false),
        state: state.map_err(|_| Error::invalid("state", "running, good, failed or damaged"))?,
        run: None,
        before: query.before.as_deref().map(str::parse::<BackupId>).transpose()?,
        limit: view::limit(query.limit),
    };
    Ok(view::page(&app, app.platform().list_backups(&filter).await?.iter().map(shown)))
}

/// `GET /api/admin/tenants/{slug}/backups`: newest first.
pub(in crate::http) async fn of_tenant(
    State(app): State<App>,
    Staff(_): Staff,
    Company(slug): Company,
) -> Result<Json<Value>> {
    let listed = app.platform().tenant_backups(&slug, 1000).await?;
    Ok(view::items(listed.iter().map(shown)))
}

/// `POST /api/admin/tenants/{slug}/backups`.
pub(in crate::http) async fn start(
    State(app): State<App>,
    Staff(actor): Staff,
    Company(slug): Company,
    Words(wait): Words<Wait>,
) -> Result<Accepted> {
    let asked = app.platform().start_backup(&actor, &slug, None).await?;
    accepted(&app, asked.operation, &wait).await
}

/// Body of [`start_many`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    #[serde(default, deserialize_with = "body::present")]
    tenants: Option<Vec<String>>,
    #[serde(default, deserialize_with = "body::present")]
    stores: Option<Vec<String>>,
    #[serde(default, deserialize_with = "body::present")]
    system: Option<bool>,
}

/// `POST /api/admin/backups`: starts a run over many tenants; without names, over all tenants.
pub(in crate::http) async fn start_many(
    State(app): State<App>,
    Staff(actor): Staff,
    Words(wait): Words<Wait>,
    Input(form): Input<Form>,
) -> Result<Accepted> {
    let slugs = form.tenants.map(|all| all.iter().map(|s| Slug::parse(s)).collect::<Result<_, _>>());
    let selection = Selection {
        tenants: slugs.transpose().map_err(Error::from)?,
        stores: stores(form.stores)?,
        system: form.system.unwrap_or(false),
    };
    let operation = app.platform().start_backup_run(&actor, selection).await?;
    accepted(&app, operation, &wait).await
}

pub(super) fn stores(names: Option<Vec<String>>) -> Result<Option<Vec<StoreName>>> {
    let names = names.map(|all| all.iter().map(|s| StoreName::parse(s)).collect::<Result<_, _>>());
    Ok(names.transpose().map_err(Error::from)?)
}

/// `GET /api/admin/backups/{id}`: one backup with its manifest.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Staff(_): Staff,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    let (listed, manifest) = app.platform().show_backup(&id.parse()?).await?;
    let mut body = shown(&listed);
    body["manifest"] = instants::wire(manifest);
    Ok(Json(body))
}

/// `POST /api/admin/backups/{id}/verify`: the operation's result contains the findings.
pub(in crate::http) async fn verify(
    State(app): State<App>,
    Staff(actor): Staff,
    Path(id): Path<String>,
    Words(wait): Words<Wait>,
) -> Result<Accepted> {
    let operation = app.platform().start_verify_backup(&actor, &id.parse()?).await?;
    accepted(&app, operation, &wait).await
}

/// Body of [`restore_as`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct As {
    slug: String,
    name: Option<String>,
    email: Option<String>,
    plan: Option<String>,
    /// E-mail address of the existing user that becomes the owner.
    owner: Option<String>,
    /// Whether the members of the tenant that was backed up become members of the new one.
    #[serde(default)]
    members: bool,
    /// Reason why these users get the rows.
    reason: Option<String>,
}

/// `POST /api/admin/backups/{id}/restore-as`.
pub(in crate::http) async fn restore_as(
    State(app): State<App>,
    Staff(actor): Staff,
    Path(id): Path<String>,
    Words(wait): Words<Wait>,
    Input(form): Input<As>,
) -> Result<Accepted> {
    let As { slug, name, email, plan, owner: member, members, reason } = form;
    let wanted = NewFromCopy { slug, name, email, plan, owner: None, member, reason };
    let operation = app.platform().start_restore_as(&actor, &id.parse()?, members, wanted).await?;
    accepted(&app, operation, &wait).await
}

/// `GET /api/admin/backups/status`.
pub(in crate::http) async fn status(State(app): State<App>, Staff(_): Staff) -> Result<Json<Value>> {
    let platform = app.platform();
    Ok(Json(status_shown(&platform.backup_status().await?, platform.now_us())))
}

/// `GET /api/admin/backups/drill`.
pub(in crate::http) async fn drill_status(State(app): State<App>, Staff(_): Staff) -> Result<Json<Value>> {
    Ok(Json(instants::wire(app.platform().backup_status().await?.drill)))
}

/// What [`drill`] takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Drill {
    #[serde(default, deserialize_with = "body::present")]
    tenant: Option<String>,
}

/// `POST /api/admin/backups/drill`: the tenant named, or the one whose turn it is. It takes a whole backup's room in
/// scratch, so only superusers may.
pub(in crate::http) async fn drill(
    State(app): State<App>,
    Superuser(actor): Superuser,
    Words(wait): Words<Wait>,
    Input(form): Input<Drill>,
) -> Result<Accepted> {
    let slug = form.tenant.as_deref().map(|text| field("tenant", text, Slug::parse)).transpose()?;
    let operation = app.platform().start_restore_drill(&actor, slug.as_ref()).await?;
    accepted(&app, operation, &wait).await
}

/// `GET /api/admin/backups/runs`: newest first.
pub(in crate::http) async fn runs(State(app): State<App>, Staff(_): Staff) -> Result<Json<Value>> {
    Ok(view::items(app.platform().backup_runs(100).await?.iter().map(run_shown)))
}

/// `POST /api/admin/backups/prune`.
pub(in crate::http) async fn prune(State(app): State<App>, Staff(actor): Staff) -> Result<Json<Value>> {
    let gone = app.platform().prune_backups(&actor).await?;
    Ok(Json(json!({ "removed": gone })))
}

/// `POST /api/admin/backups/rescan`.
pub(in crate::http) async fn rescan(State(app): State<App>, Staff(actor): Staff) -> Result<Json<Value>> {
    Ok(Json(json!(app.platform().rescan_backups(&actor).await?)))
}

fn shown(backup: &Listed) -> Value {
    instants::wire(backup)
}

fn run_shown(run: &Run) -> Value {
    instants::wire(run)
}

fn status_shown(status: &Status, now_us: i64) -> Value {
    let mut shown = instants::wire(status);
    shown["age_seconds"] = json!(status.age_seconds(now_us));
    shown["overdue"] = json!(status.overdue());
    shown
}
