//! `tenantry tenant export`, `import` and `clone`.

use super::args;
use crate::cli::{
    setup::Place,
    user::{operator, password},
    watch,
};
use anyhow::{Context, Result, bail};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};
use tenantry::{
    DumpFormat, NewFromCopy, NewOwner,
    access::passwords::Password,
    counted,
    name::{Slug, StoreName},
};

/// Writes the archive of a tenant. The file gets its name only once it is complete.
pub(super) async fn export(place: &Place, slug: &Slug, out: Option<&Path>) -> Result<ExitCode> {
    let platform = place.platform().await?;
    // Check this before the export begins, because an export is audited when it begins.
    let out = out.map_or_else(|| PathBuf::from(platform.exports().file_name(slug)), Path::to_owned);
    if out.exists() {
        bail!("{} exists already\n  remedy: name another file with --out", out.display());
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let half = tempfile::Builder::new().prefix(".export-").suffix(".part").tempfile_in(folder);
    let mut half = half.with_context(|| format!("cannot write to {}", folder.display()))?;
    let mut export = platform.exports().start_as_operator(&operator(), slug).await?;
    let mut written = 0;
    while let Some(piece) = export.pieces.recv().await {
        let piece = piece?;
        half.write_all(&piece)?;
        written += piece.len() as u64;
    }
    half.as_file().sync_all()?;
    // Never replace another file, even if one appeared meanwhile.
    half.persist_noclobber(&out).with_context(|| format!("cannot write {}", out.display()))?;
    say!("{} ({})", out.display(), crate::cli::table::bytes(written));
    Ok(ExitCode::SUCCESS)
}

/// Writes the tables of a tenant in the format of its server's own programs, one file or folder per store.
pub(super) async fn dump(
    place: &Place,
    slug: &Slug,
    format: DumpFormat,
    out: Option<&Path>,
) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let (extension, reader) = match format {
        DumpFormat::PgDump => ("dump", "pg_restore"),
        DumpFormat::Mongodump => ("mongodump", "mongorestore"),
    };
    let default = || PathBuf::from(platform.exports().file_name(slug)).with_extension(extension);
    let out = out.map_or_else(default, Path::to_owned);
    // The first store of an app is named `tenant`.
    let name = |store: &StoreName| match store.as_str() {
        "tenant" => out.clone(),
        store => out.with_extension(format!("{store}.{extension}")),
    };
    for path in platform.exports().dump(&operator(), slug, format, name).await? {
        let written = path.metadata().with_context(|| format!("cannot read {}", path.display()))?;
        match written.is_dir() {
            true => say!("{}/", path.display()),
            false => say!("{} ({})", path.display(), crate::cli::table::bytes(written.len())),
        }
    }
    say!("read it with {reader}; uploaded files are not in it");
    Ok(ExitCode::SUCCESS)
}

/// Creates a tenant from an archive.
pub(super) async fn import(place: &Place, options: &args::Import) -> Result<ExitCode> {
    let archive = options.archive.canonicalize();
    let archive = archive.with_context(|| format!("cannot read {}", options.archive.display()))?;
    let platform = place.platform().await?;
    platform.plans().initialise(&operator()).await?;
    let (slug, wanted) = (&options.slug, wanted(&options.slug, &options.new));
    let id = platform.arrivals().from_archive(&operator(), archive, wanted).await?;
    let done = watch::watch_operation(&platform, id).await?;
    say!("imported {slug}: {}", came_along(done.result.as_ref()));
    Ok(ExitCode::SUCCESS)
}

/// Creates a tenant with a copy of another tenant's data.
pub(super) async fn clone_tenant(place: &Place, options: &args::Clone) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let (slug, to) = (&options.tenant, &options.to);
    let wanted = wanted(to, &options.new);
    let actor = operator();
    let id = platform.arrivals().from_tenant(&actor, slug, options.blank_personal, wanted).await?;
    let done = watch::watch_operation(&platform, id).await?;
    say!("cloned {slug} as {to}: {}", came_along(done.result.as_ref()));
    if let Some(blanked) = done.result.as_ref().map(|r| &r["blanked"]).filter(|b| !b.is_null()) {
        let number = |key: &str, noun| counted(&blanked[key], noun);
        say!("blanked {} in {}", number("fields", "personal field"), number("rows", "row"));
    }
    Ok(ExitCode::SUCCESS)
}

fn wanted(slug: &str, new: &args::New) -> NewFromCopy {
    let password = match &new.copy.owner {
        None => password(new.password.clone()),
        Some(_) => None,
    };
    let owner = password.zip(new.copy.email.clone()).map(|(password, email)| NewOwner {
        name: email.clone(),
        email,
        password: Password::new(password),
    });
    NewFromCopy { owner, ..new.copy.wanted(slug) }
}

fn came_along(result: Option<&serde_json::Value>) -> String {
    let number = |key: &str, noun| counted(result.and_then(|r| r[key].as_u64()).unwrap_or(0), noun);
    format!("{}, {}", number("rows", "row"), number("files", "file"))
}
