//! Demo data of an installation's apps: shared rows, then tenants with their rows.
//!
//! `tenantry demo` calls it. It uses the same interfaces as real users: the registration operation, entered tenants,
//! records. It leaves tables that have rows alone, so a second run continues the first.

mod own;
mod servers;

pub use servers::{on_mongodb, on_postgres, remove};

use crate::{
    Error, Platform, Result,
    access::{Actor, Operator, passwords::Password},
    apps::{DemoMember, DemoPath, DemoTable, DemoTenant},
    records::{ListQuery, Records, Scope},
    tenants::NewTenant,
    users::NewOwner,
};
use tenantry_engine::{
    name::{PlanName, Slug},
    query::Select,
};

/// Password of every demo account. The demo serves on loopback addresses only.
pub const PASSWORD: &str = "demo-only-password";
/// E-mail address of the demo's superuser.
pub const SUPERUSER: &str = "admin@tenantry.example";

/// A tenant of the demo.
#[derive(Debug, Clone)]
pub struct Company {
    /// Slug of the tenant.
    pub slug: Slug,
    /// Display name of the tenant.
    pub name: String,
    /// E-mail address of the tenant's owner.
    pub email: String,
    /// Members besides the owner.
    pub members: Vec<DemoMember>,
}

/// What the demo has to show.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// The tenants, in the order of the apps.
    pub tenants: Vec<Company>,
    /// Paths of the API that show something in the first tenant.
    pub paths: Vec<DemoPath>,
}

/// Creates the missing demo data, and returns what there is to show.
///
/// # Errors
/// Returns [`Error::Invalid`] for demo data that cannot be read, and the errors of the verbs that it calls.
pub async fn load(platform: &Platform) -> Result<Shown> {
    let actor = Operator::new("demo");
    platform.plans().initialise(&actor).await?;
    ensure_superuser(platform, &actor).await?;
    let mut shown = Shown::default();
    for app in platform.apps().list() {
        let demo =
            platform.apps().demo(app.name.as_str()).map_err(|e| Error::invalid("demo", e.to_string()))?;
        let Some(demo) = demo else { continue };
        for table in &demo.shared {
            fill(platform.records(Scope::Staff(&actor), table.model.as_str())?, table).await?;
        }
        for tenant in &demo.tenants {
            ensure_tenant(platform, &actor, tenant).await?;
            own::attach(platform, &actor, tenant).await?;
            let entered = platform.tenants().enter(&actor, &tenant.slug).await?;
            own::add_fields(platform, &entered, &tenant.fields).await?;
            for table in &tenant.tables {
                fill(platform.records(&entered, table.model.as_str())?, table).await?;
            }
            own::set_values(platform, &entered, &tenant.own).await?;
            let DemoTenant { slug, name, email, members, .. } = tenant.clone();
            shown.tenants.push(Company { slug, name, email, members });
        }
        if shown.paths.is_empty() {
            shown.paths = demo.show;
        }
    }
    Ok(shown)
}

async fn ensure_superuser(platform: &Platform, actor: &Actor) -> Result<()> {
    match platform.users().by_email(actor, SUPERUSER).await {
        Err(Error::NotFound(_)) => {
            platform.users().create_superuser(actor, SUPERUSER, password()).await.map(drop)
        }
        known => known.map(drop),
    }
}

async fn ensure_tenant(platform: &Platform, actor: &Actor, tenant: &DemoTenant) -> Result<()> {
    match platform.tenants().show(&tenant.slug).await {
        Ok(_) => return Ok(()),
        Err(Error::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    let new = NewTenant { slug: tenant.slug.clone(), name: tenant.name.clone(), email: tenant.email.clone() };
    let owner = NewOwner { email: tenant.email.clone(), name: tenant.owner.clone(), password: password() };
    // A configuration made by `init` has its own plans; the tenant then gets the default plan.
    let is_there = |plan: &&PlanName| platform.config().plans.iter().any(|known| known.name == **plan);
    let plan = tenant.plan.as_ref().filter(is_there).map(PlanName::as_str);
    platform.tenants().create(actor, new, plan, Some(owner)).await.map(drop)?;
    for DemoMember { email, name, role } in &tenant.members {
        let member = NewOwner { email: email.clone(), name: name.clone(), password: password() };
        platform.users().create_member(actor, &tenant.slug, member, role).await?;
    }
    Ok(())
}

/// Inserts the rows of a table unless it already has rows.
async fn fill(records: Records<'_>, table: &DemoTable) -> Result<()> {
    let one = ListQuery { select: Select { limit: 1, ..Select::default() }, ..ListQuery::default() };
    if records.list(&one).await?.items.is_empty() {
        records.insert_all(table.rows.clone()).await?;
    }
    Ok(())
}

fn password() -> Password {
    Password::new(PASSWORD)
}
