//! Staff handlers for backups of one tenant, of many tenants and of the platform's own stores: make, list, verify,
//! prune, rescan.

use crate::{
    http::{
        App,
        body::Json,
        names::{field, filtered, stores},
        operation::{Started, started},
        problem::Result,
        query::QueryParams,
        scope::{Staff, StaffOn, Superuser},
    },
    wire::{
        Page,
        backup::{BackUpMany, Backup, BackupRun, BackupWhole, BackupsQuery},
        copies::RestoreAs,
        operation::{Operation, Wait},
        status::{BackupStatus, Drill, RestoreDrill},
    },
};
use axum::extract::Path;
use tenantry::{
    Error,
    backups::{
        BackupId, Selection,
        catalog::{self, Filter},
    },
    name::Slug,
};

/// `GET /api/admin/backups`: backups, newest first.
pub(in crate::http) async fn list(
    app: App,
    Staff(_): Staff,
    QueryParams(query): QueryParams<BackupsQuery>,
) -> Result<Json<Page<Backup>>> {
    let state = query.state.as_deref().map(catalog::State::parse).transpose();
    let filter = Filter {
        tenant: filtered(&app, query.tenant.as_deref()).await?,
        system: query.system.unwrap_or(false),
        state: state.map_err(|_| Error::invalid("state", "running, good, failed or damaged"))?,
        run: None,
        before: query.before.as_deref().map(str::parse::<BackupId>).transpose()?,
        limit: query.limit.0,
    };
    let listed = app.platform().backups().list(&filter).await?;
    Ok(app.page(listed, filter.limit, |backup: &Backup| backup.id.0.to_string()))
}

/// `GET /api/admin/tenants/{slug}/backups`: the tenant's backups, newest first.
pub(in crate::http) async fn of_tenant(on: StaffOn) -> Result<Json<Page<Backup>>> {
    Ok(Json(Page::all(on.platform().backups().of_tenant(&on.slug, 1000).await?)))
}

/// `POST /api/admin/tenants/{slug}/backups`.
pub(in crate::http) async fn start(
    on: StaffOn,
    QueryParams(wait): QueryParams<Wait>,
) -> Result<Started<Operation>> {
    let asked = on.platform().backups().start(&on.actor, &on.slug, None).await?;
    started(&on.app, asked.operation, &wait).await
}

/// `POST /api/admin/backups`: starts a run over many tenants; without names, over all tenants.
pub(in crate::http) async fn start_many(
    app: App,
    Staff(actor): Staff,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<BackUpMany>,
) -> Result<Started<Operation>> {
    let slugs = form.tenants.map(|all| all.iter().map(|s| Slug::parse(s)).collect::<Result<_, _>>());
    let selection = Selection {
        tenants: slugs.transpose().map_err(Error::from)?,
        stores: stores(form.stores)?,
        system: form.system.unwrap_or(false),
    };
    let operation = app.platform().backups().start_run(&actor, selection).await?;
    started(&app, operation, &wait).await
}

/// `GET /api/admin/backups/{id}`: one backup with its manifest.
pub(in crate::http) async fn show(
    app: App,
    Staff(_): Staff,
    Path(id): Path<String>,
) -> Result<Json<BackupWhole>> {
    let (listed, manifest) = app.platform().backups().show(&id.parse()?).await?;
    Ok(Json(BackupWhole { backup: listed.into(), manifest: manifest.map(Into::into) }))
}

/// `POST /api/admin/backups/{id}/verify`: the operation's result contains the findings.
pub(in crate::http) async fn verify(
    app: App,
    Staff(actor): Staff,
    Path(id): Path<String>,
    QueryParams(wait): QueryParams<Wait>,
) -> Result<Started<Operation>> {
    let operation = app.platform().backups().start_verification(&actor, &id.parse()?).await?;
    started(&app, operation, &wait).await
}

/// `POST /api/admin/backups/{id}/restore-as`.
pub(in crate::http) async fn restore_as(
    app: App,
    Staff(actor): Staff,
    Path(id): Path<String>,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<RestoreAs>,
) -> Result<Started<Operation>> {
    let operation =
        app.platform().arrivals().from_backup(&actor, &id.parse()?, form.members, form.into()).await?;
    started(&app, operation, &wait).await
}

/// `GET /api/admin/backups/status`.
pub(in crate::http) async fn status(app: App, Staff(_): Staff) -> Result<Json<BackupStatus>> {
    let platform = app.platform();
    Ok(Json(BackupStatus::new(platform.backups().status().await?, platform.now_us())))
}

/// `GET /api/admin/backups/drill`.
pub(in crate::http) async fn drill_status(app: App, Staff(_): Staff) -> Result<Json<RestoreDrill>> {
    Ok(Json(app.platform().backups().status().await?.drill.into()))
}

/// `POST /api/admin/backups/drill`: restores a backup of the named tenant, or of the tenant whose turn it is. The
/// restore needs room for a whole backup in scratch, so only superusers may start it.
pub(in crate::http) async fn drill(
    app: App,
    Superuser(actor): Superuser,
    QueryParams(wait): QueryParams<Wait>,
    Json(form): Json<Drill>,
) -> Result<Started<Operation>> {
    let slug = form.tenant.as_deref().map(|text| field("tenant", text, Slug::parse)).transpose()?;
    let operation = app.platform().restores().drill(&actor, slug.as_ref()).await?;
    started(&app, operation, &wait).await
}

/// `GET /api/admin/backups/runs`: runs, newest first.
pub(in crate::http) async fn runs(app: App, Staff(_): Staff) -> Result<Json<Page<BackupRun>>> {
    Ok(Json(Page::all(app.platform().backups().runs(100).await?)))
}

/// `POST /api/admin/backups/prune`.
pub(in crate::http) async fn prune(
    app: App,
    Staff(actor): Staff,
    QueryParams(wait): QueryParams<Wait>,
) -> Result<Started<Operation>> {
    let operation = app.platform().backups().start_prune(&actor).await?;
    started(&app, operation, &wait).await
}

/// `POST /api/admin/backups/rescan`.
pub(in crate::http) async fn rescan(
    app: App,
    Staff(actor): Staff,
    QueryParams(wait): QueryParams<Wait>,
) -> Result<Started<Operation>> {
    let operation = app.platform().backups().start_rescan(&actor).await?;
    started(&app, operation, &wait).await
}
