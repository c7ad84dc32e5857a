//! `tenantry tenant create` and `tenant add-owner`. Also the commands for missing databases of a tenant:
//! `tenant create-database` and `tenant attach-database`.

use super::{args, list};
use crate::cli::{
    setup::Place,
    user::{asked, operator, password},
};
use anyhow::Result;
use std::{io::IsTerminal, process::ExitCode};
use tenantry::{Attach, NewOwner, access::passwords::Password, name::Slug, tenants::NewTenant};

/// Creates a tenant with its databases and a trial. With a password, also creates the owner.
pub(super) async fn create(place: &Place, options: &args::Create) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let new = NewTenant {
        slug: options.slug.clone(),
        name: options.name.clone().unwrap_or_else(|| options.slug.to_string()),
        email: options.email.clone(),
    };
    let by = operator();
    platform.plans().initialise(&by).await?;
    let slug = &options.slug;
    let password = match password(options.password.clone()) {
        _ if options.no_owner => None,
        None if std::io::stdin().is_terminal() => Some(asked(None)?),
        given => given,
    };
    let owner = password.map(|password| NewOwner {
        email: options.email.clone(),
        name: options.owner.clone().unwrap_or_else(|| options.email.clone()),
        password: Password::new(password),
    });
    let ownerless = owner.is_none();
    platform.tenants().create(&by, new, options.plan.as_deref(), owner).await?;
    say!("created {slug}");
    if ownerless {
        tell!(
            "it has no members yet; make an owner with: tenantry tenant add-owner {slug} --email {}",
            options.email
        );
    }
    list::print(&platform, &[platform.tenants().show(slug).await?], false).await
}

/// Creates the databases that an existing tenant lacks.
pub(super) async fn create_databases(place: &Place, slug: &Slug) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let made = platform.tenants().create_databases(&operator(), slug).await?;
    match made.databases.is_empty() {
        true => say!("{slug} has its databases already"),
        false => say!("made for {slug}, and empty: {}", made.databases.join(", ")),
    }
    Ok(ExitCode::SUCCESS)
}

/// Attaches an existing database as the tenant's own.
pub(super) async fn attach(place: &Place, options: &args::AttachDatabase) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let slug = &options.tenant;
    let wanted = Attach {
        store: options.store.clone(),
        physical: options.physical.clone(),
        server: options.server.clone(),
    };
    let done = platform.moves().attach(&operator(), slug, &wanted).await?;
    say!("{slug} uses {}", done.database);
    if !done.pending.is_empty() {
        say!("these migrations have not run in it: {}", done.pending.join(", "));
        say!("run them there, or: tenantry migrate tenants --external --tenant {slug}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Creates a user and makes them the owner of a tenant.
pub(super) async fn add_owner(place: &Place, options: &args::AddOwner) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let slug = &options.tenant;
    let owner = NewOwner {
        email: options.email.clone(),
        name: options.name.clone().unwrap_or_else(|| options.email.clone()),
        password: Password::new(asked(options.password.clone())?),
    };
    platform.users().create_owner(&operator(), slug, owner).await?;
    say!("{} is an owner of {slug}", options.email);
    Ok(ExitCode::SUCCESS)
}
