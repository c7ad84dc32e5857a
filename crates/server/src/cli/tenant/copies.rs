//! `tenantry tenant export`, `import` and `clone`.

use super::args;
use crate::cli::{
    setup::Place,
    user::{operator, password},
    watch,
};
use anyhow::{Context, Error, Result, bail};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};
use tenantry::{NewFromCopy, NewOwner, access::passwords::Password, counted, name::Slug};

/// Writes the archive of a tenant. The file gets its name when it is whole.
pub(super) async fn export(place: &Place, slug: &Slug, out: Option<&Path>) -> Result<ExitCode> {
    let platform = place.platform().await?;
    // Asked before anything is taken out: an export is audited when it begins.
    let out = out.map_or_else(|| PathBuf::from(platform.exports().file_name(slug)), Path::to_owned);
    if out.exists() {
        bail!("{} exists already; name another file with --out", out.display());
    }
    let half = half_name(&out);
    let mut file =
        std::fs::File::create(&half).with_context(|| format!("cannot write {}", half.display()))?;
    let mut export = match platform.exports().start_as_operator(&operator(), slug).await {
        Ok(export) => export,
        Err(error) => {
            std::fs::remove_file(&half).ok();
            return Err(error.into());
        }
    };
    let mut written = 0;
    while let Some(piece) = export.pieces.recv().await {
        let done = piece.map_err(Error::from).and_then(|piece| {
            written += piece.len() as u64;
            Ok(file.write_all(&piece)?)
        });
        if let Err(error) = done {
            std::fs::remove_file(&half).ok();
            return Err(error);
        }
    }
    file.sync_all()?;
    // Never over another file, also when one appeared meanwhile.
    let placed = std::fs::hard_link(&half, &out);
    std::fs::remove_file(&half)?;
    placed.with_context(|| format!("cannot write {}", out.display()))?;
    say!("{} ({})", out.display(), crate::cli::table::bytes(written));
    Ok(ExitCode::SUCCESS)
}

fn half_name(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    out.with_file_name(name)
}

/// Makes a tenant from an archive.
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

/// Makes a tenant like another.
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
