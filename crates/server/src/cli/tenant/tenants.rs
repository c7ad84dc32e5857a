//! Commands on tenants: list, show, create, create-db, suspend, resume (M9).

use crate::cli::{
    args,
    setup::{Place, explain},
    table::{self, at},
};
use anyhow::Result;
use std::{io::IsTerminal, process::ExitCode};
use tenantry::{
    Attach, NewOwner, Platform,
    access::passwords::Password,
    counted,
    name::{PhysicalName, ServerName, Slug, StoreName},
    place::Isolation,
    tenants::{self, Filter, Listed, NewTenant, State},
    topology::{Placement, versions::Version},
};

/// Everything M9 names, a line a tenant.
pub(in crate::cli) async fn list(place: &Place, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let mut filter = Filter { limit: 1000, ..Filter::default() };
    let mut all = Vec::new();
    loop {
        let page = platform.list_tenants(&filter).await.map_err(explain)?;
        filter.after = page.last().map(|t| t.id);
        let last = page.len() < 1000;
        all.extend(page);
        if last {
            break;
        }
    }
    print(&platform, &all, json).await
}

/// All that is known of one tenant.
pub(in crate::cli) async fn show(place: &Place, tenant: &str, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let found = platform.show_tenant(&Slug::parse(tenant)?).await.map_err(explain)?;
    if json {
        return print(&platform, &[found], json).await;
    }
    say!("{} (id {}): {}", found.slug, found.id, found.name);
    let line = |what: &str, value: &str| say!("  {what:<13} {value}");
    line("state", found.state.as_str());
    if let Some(ends) = &found.retirement {
        line("works until", &at(ends.closes_at_us));
        line("purged after", &format!("{}; back with: tenantry keep {}", at(ends.purges_at_us), found.slug));
    }
    if let Some(reason) = &found.maintenance {
        line("maintenance", reason);
    }
    line("e-mail", &found.email);
    line("users", &found.users.to_string());
    line("subscription", &subscription(&found));
    line("created", &at(found.created_at_us));
    line("size", &table::bytes(platform.tenant_bytes(&found)));
    let header = [
        "store",
        "database",
        "server",
        "isolation",
        "generation",
        "state",
        "schema",
        "last migration failed",
    ];
    let versions = platform.schema_versions(&found).await.map_err(explain)?;
    table::print(&header, found.placements.iter().zip(versions).map(|(p, version)| database(p, version)));
    Ok(ExitCode::SUCCESS)
}

fn subscription(t: &Listed) -> String {
    let (Some(plan), Some(state)) = (&t.plan, t.subscription) else { return "none".into() };
    let days = t.days_remaining.map(|days| format!(", {} left", counted(days, "day"))).unwrap_or_default();
    format!("{plan}, {}{days}", state.as_str())
}

fn database(p: &Placement, version: Version) -> Vec<String> {
    vec![
        p.place.store.to_string(),
        p.place.physical.to_string(),
        p.place.server.to_string(),
        match p.place.isolation {
            Isolation::Database => "database".into(),
            Isolation::Pooled => "pooled".into(),
        },
        p.place.generation.to_string(),
        p.state.as_str().into(),
        schema(version).into(),
        p.migration_error.clone().unwrap_or_default(),
    ]
}

/// Where the schema of a database stands against the apps that this command has loaded.
fn schema(version: Version) -> &'static str {
    match version {
        Version::Current => "current",
        Version::Behind => "behind: migrate-tenants",
        Version::Ahead => "ahead: these apps are older",
    }
}

/// Creates the record, its databases and a trial, and with a password the owner.
pub(in crate::cli) async fn create(place: &Place, options: &args::CreateTenant) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let new = NewTenant {
        slug: Slug::parse(&options.slug)?,
        name: options.name.clone().unwrap_or_else(|| options.slug.clone()),
        email: options.email.clone(),
    };
    let by = crate::cli::users::operator();
    platform.plans().initialise(&by).await.map_err(explain)?;
    let slug = new.slug.clone();
    let password = match crate::cli::users::password(options.password.clone()) {
        _ if options.no_owner => None,
        None if std::io::stdin().is_terminal() => Some(crate::cli::users::asked(None)?),
        given => given,
    };
    let owner = password.map(|password| NewOwner {
        email: options.email.clone(),
        name: options.owner.clone().unwrap_or_else(|| options.email.clone()),
        password: Password::new(password),
    });
    let ownerless = owner.is_none();
    platform.create_tenant(&by, new, options.plan.as_deref(), owner).await.map_err(explain)?;
    say!("created {slug}");
    if ownerless {
        tell!(
            "it has no members yet; make an owner with: tenantry add-owner {slug} --email {}",
            options.email
        );
    }
    print(&platform, &[platform.show_tenant(&slug).await.map_err(explain)?], false).await
}

/// Creates the databases an existing record lacks.
pub(in crate::cli) async fn create_db(place: &Place, tenant: &str) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let slug = Slug::parse(tenant)?;
    let made = platform.create_databases(&crate::cli::users::operator(), &slug).await.map_err(explain)?;
    match made.databases.is_empty() {
        true => say!("{slug} has its databases already"),
        false => say!("made for {slug}, and empty: {}", made.databases.join(", ")),
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a database that exists the tenant's.
pub(in crate::cli) async fn attach(place: &Place, options: &args::AttachTenantDb) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let slug = Slug::parse(&options.tenant)?;
    let wanted = Attach {
        store: StoreName::parse(&options.store)?,
        physical: options.physical.as_deref().map(PhysicalName::parse).transpose()?,
        server: options.server.as_deref().map(ServerName::parse).transpose()?,
    };
    let actor = crate::cli::users::operator();
    let done = platform.attach_database(&actor, &slug, &wanted).await.map_err(explain)?;
    say!("{slug} uses {}", done.database);
    if !done.pending.is_empty() {
        say!("these migrations have not run in it: {}", done.pending.join(", "));
        say!("run them there, or: tenantry migrate-tenants --external --tenant {slug}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Stops a tenant.
pub(in crate::cli) async fn suspend(place: &Place, tenant: &str, reason: &str) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let slug = Slug::parse(tenant)?;
    platform.suspend_tenant(&crate::cli::users::operator(), &slug, reason).await.map_err(explain)?;
    say!("suspended {slug}; undo it with: tenantry resume-tenant {slug}");
    Ok(ExitCode::SUCCESS)
}

/// Lets a tenant work again.
pub(in crate::cli) async fn resume(place: &Place, tenant: &str) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let slug = Slug::parse(tenant)?;
    platform.resume_tenant(&crate::cli::users::operator(), &slug).await.map_err(explain)?;
    say!("resumed {slug}");
    Ok(ExitCode::SUCCESS)
}

/// Closes a tenant to its members for a reason, or opens it again.
pub(in crate::cli) async fn maintenance(
    place: &Place,
    tenant: &str,
    reason: Option<&str>,
) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let slug = Slug::parse(tenant)?;
    platform.set_maintenance(&crate::cli::users::operator(), &slug, reason).await.map_err(explain)?;
    match reason {
        Some(_) => say!("{slug} is in maintenance; end it with: tenantry maintenance off {slug}"),
        None => say!("{slug} is open again"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn print(platform: &Platform, tenants: &[Listed], json: bool) -> Result<ExitCode> {
    let sizes: Vec<_> = tenants.iter().map(|t| platform.tenant_bytes(t)).collect();
    if json {
        let with_size = tenants.iter().zip(&sizes).map(|(t, size)| {
            let mut value = serde_json::to_value(t)?;
            value["bytes"] = (*size).into();
            Ok(value)
        });
        table::json(&with_size.collect::<Result<Vec<_>>>()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = [
        "name",
        "slug",
        "database",
        "size",
        "e-mail",
        "status",
        "users",
        "plan",
        "subscription",
        "days left",
    ];
    let mut rows = Vec::with_capacity(tenants.len());
    for (tenant, size) in tenants.iter().zip(&sizes) {
        let versions = platform.schema_versions(tenant).await.map_err(explain)?;
        rows.push(row(tenant, *size, &versions));
    }
    table::print(&header, rows);
    Ok(ExitCode::SUCCESS)
}

fn row(t: &tenants::Listed, size: u64, versions: &[Version]) -> Vec<String> {
    let databases: Vec<_> = t.placements.iter().map(|p| p.place.physical.to_string()).collect();
    vec![
        t.name.clone(),
        t.slug.to_string(),
        if databases.is_empty() { "none".into() } else { databases.join(",") },
        table::bytes(size),
        t.email.clone(),
        status(t, versions),
        t.users.to_string(),
        t.plan.clone().unwrap_or_else(|| "-".into()),
        t.subscription.map_or("-", |s| s.as_str()).into(),
        t.days_remaining.map_or_else(|| "-".into(), |d| d.to_string()),
    ]
}

/// State of the tenant, with what an operator should see to.
fn status(t: &Listed, versions: &[Version]) -> String {
    let schema = [(Version::Behind, ", behind"), (Version::Ahead, ", ahead")];
    let schema = schema.into_iter().filter(|(version, _)| versions.contains(version)).map(|(_, said)| said);
    state(t) + &schema.collect::<String>()
}

/// One that was cancelled works on, and is seen to.
fn state(t: &Listed) -> String {
    match (&t.maintenance, &t.retirement, t.state) {
        (Some(_), ..) => "maintenance".into(),
        (None, Some(_), State::Active | State::Suspended) => format!("{}, cancelled", t.state.as_str()),
        _ => t.state.as_str().into(),
    }
}
