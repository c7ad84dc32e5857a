//! Creates databases: writes the bytes of a database to a temporary file, syncs it, and links it to its name without
//! ever overwriting another file. Every step may be repeated after a crash (`stuck-retry`).

use super::{
    server::{Server, new_file, sync_directory},
    template_image,
    temporary::{TemporaryFile, close, private, sync},
};
use crate::{
    error::{Error, Kind, Result},
    place::{Isolation, Place},
    schema::Template,
    sqlite::{
        connection::base,
        error::{io, located},
        identity,
        site::Site,
        tables,
    },
};
use std::{
    fs::hard_link,
    io::Write,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// Directory of the image files on each server.
const FOLDER: &str = "_templates";

/// The bytes of a new database, which are the same on every server; set on first use. Each server also stores them in a
/// file, followed by their hash.
pub(crate) type TemplateImage = OnceLock<Vec<u8>>;

/// Returns the template image: the bytes of the file without their hash. Creates the file if it is missing or damaged.
fn image<'t>(template: &'t Template, server: &Server) -> Result<&'t [u8]> {
    if let Some(image) = template.sqlite().get() {
        return Ok(image);
    }
    let path = image_path(template, server);
    let image = match read_sealed(&path)? {
        Some(image) => image,
        None => make_image(template, server, &path)?,
    };
    Ok(template.sqlite().get_or_init(|| image))
}

/// Returns the path of the image file on `server`.
fn image_path(template: &Template, server: &Server) -> PathBuf {
    // A store name has no "__" and the hash is hex, so only validated names become a path (`checked-names`).
    let name = blake3::hash(format!("{}\n{}", tables::CREATE, template.fingerprint()).as_bytes()).to_hex();
    server.root().join(FOLDER).join(format!("{}__{}.db", template.store(), &name[..16]))
}

/// Returns the path of the image file on `server` if the file is damaged.
pub(crate) fn damaged_image(template: &Template, server: &Server) -> Result<Option<PathBuf>> {
    let path = image_path(template, server);
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(error, &path)),
        Ok(_) => Ok(read_sealed(&path)?.is_none().then_some(path)),
    }
}

/// Creates the image file atomically, and returns the image.
fn make_image(template: &Template, server: &Server, path: &Path) -> Result<Vec<u8>> {
    let file = TemporaryFile::new(server);
    drop(new_file(&file.0)?);
    let mut conn = private(&file.0)?;
    tables::ensure(&conn)?;
    if let Some(script) = template.script() {
        script.sqlite(Isolation::Database)?.run(&mut conn)?;
    }
    close(conn)?;
    sync(&file.0)?;
    let image = std::fs::read(&file.0).map_err(|error| io(error, &file.0))?;
    seal(&file.0, &image).map_err(|error| io(error, &file.0))?;
    std::fs::rename(&file.0, path).map_err(|error| io(error, path))?;
    sync_directory(&server.root().join(FOLDER))?;
    Ok(image)
}

/// Appends the hash of the image to its file.
fn seal(path: &Path, image: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).open(path)?;
    file.write_all(blake3::hash(image).as_bytes())?;
    file.sync_all()
}

/// Returns the image of a file that ends in the hash of the bytes before it; `None` if there is no such file, or if it
/// is damaged. Every new database is a copy of the image, so damage in it would be in all of them.
fn read_sealed(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut image = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        image => image.map_err(|error| io(error, path))?,
    };
    let seal = image.split_off(image.len().saturating_sub(blake3::OUT_LEN));
    if blake3::hash(&image).as_bytes()[..] == seal[..] {
        return Ok(Some(image));
    }
    tracing::warn!(file = %path.display(), "the template of new databases is damaged or of an earlier version: it is made anew");
    Ok(None)
}

/// Creates the database of `place` from `template`. Idempotent. Blocks.
///
/// # Errors
/// Returns `WrongIdentity` if the file exists but belongs to another place.
pub(crate) fn provision(server: &Server, place: &Place, template: &Template) -> Result<()> {
    if server.exists(&place.physical) {
        return already_there(&server.site(place));
    }
    refuse_leftovers(server, place)?;
    name(server, place, prepare(server, place, template)?)
}

/// Creates the database of `place` under a temporary name: complete and synced, but not yet visible as a database.
/// Blocks.
pub(crate) fn prepare(server: &Server, place: &Place, template: &Template) -> Result<TemporaryFile> {
    if *template.store() != place.store {
        return Err(Error::new(Kind::Internal, format!("{template:?} is not for {place}")));
    }
    let bytes = template_image::with_identity(image(template, server)?, place, server.platform())?;
    let temporary = TemporaryFile::new(server);
    let mut file = new_file(&temporary.0)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|error| io(error, &temporary.0))?;
    Ok(temporary)
}

/// Gives the result of [`prepare`] its final name. Idempotent, like [`provision`]. Blocks.
pub(crate) fn name_prepared(server: &Server, place: &Place, file: TemporaryFile) -> Result<()> {
    if server.exists(&place.physical) {
        return already_there(&server.site(place));
    }
    refuse_leftovers(server, place)?;
    name(server, place, file)
}

/// Syncs the finished file and gives it its final name, unless the name is taken.
pub(crate) fn put_in_place(server: &Server, place: &Place, file: TemporaryFile) -> Result<()> {
    sync(&file.0)?;
    name(server, place, file)
}

/// Gives a synced file its final name, unless the name is taken.
fn name(server: &Server, place: &Place, file: TemporaryFile) -> Result<()> {
    let path = server.path(&place.physical);
    match hard_link(&file.0, &path) {
        // Another task or process did the same step at the same time, or another place has the name.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return already_there(&server.site(place));
        }
        linked => linked.map_err(|error| io(error, &path))?,
    }
    drop(file);
    sync_directory(server.root())
}

pub(crate) fn already_there(site: &Site) -> Result<()> {
    let checked = base::connect(site).and_then(|conn| identity::check(&conn, &site.place, &site.platform));
    checked.map_err(|error| located(error, &site.path))?;
    site.path.parent().map_or(Ok(()), sync_directory)
}

/// Refuses a `-wal` that is left over without its database: SQLite would apply it to the new file (`stale-wal`).
pub(crate) fn refuse_leftovers(server: &Server, place: &Place) -> Result<()> {
    for path in server.family(&place.physical) {
        if path.symlink_metadata().is_ok() {
            return Err(Error::new(
                Kind::WrongIdentity,
                format!("{} is in the way: names are never reused", path.display()),
            ));
        }
    }
    Ok(())
}
