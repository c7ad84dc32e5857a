//! Creates databases directly from a place on any server, without a copy.

use super::{adopt::become_place, take::copy_pages};
use crate::{
    carry::Tables,
    error::Result,
    identity::PlaceState,
    place::Place,
    schema::Script,
    sqlite::{
        TemporaryFile,
        error::{io, located},
        files::{
            Server, already_there,
            attached::{is_filled, make_temporary, put_into_attached},
            check_pages, close, private, put_in_place, refuse_leftovers,
        },
        site::Site,
        transfer::Writer,
    },
};

/// Creates the file for the database of the new `place`, under a temporary name; `None` if the database exists already.
/// [`finish_file`] gives the file its final name once the writer has finished.
pub(crate) fn begin_file(
    server: &Server,
    place: &Place,
    script: &Script,
    tables: &Tables,
    filled: PlaceState,
) -> Result<Option<(TemporaryFile, Writer)>> {
    match server.is_sole() {
        // The file is the owner's. It has the identity of the place once it has all rows.
        true if is_filled(&server.site(place))? => return Ok(None),
        true => make_temporary(server)?,
        false if server.exists(&place.physical) => {
            return already_there(&server.site(place)).map(|()| None);
        }
        false => refuse_leftovers(server, place)?,
    }
    let file = TemporaryFile::of(server, &place.physical);
    let platform = server.platform().id();
    let writer = Writer::of_file(&file.0, script, place, platform, Some(filled), tables)?;
    Ok(Some((file, writer)))
}

/// Gives a finished file its final name, and removes files that killed callers left behind.
pub(crate) fn finish_file(server: &Server, place: &Place, file: TemporaryFile) -> Result<()> {
    if server.is_sole() {
        return put_into_attached(server, place, &file);
    }
    match put_in_place(server, place, file) {
        // Another caller did the same at the same time, and removed this file.
        Err(_) if server.exists(&place.physical) => already_there(&server.site(place))?,
        placed => placed?,
    }
    server.remove_temporary(&place.physical)
}

/// Creates the database of the new `place`, in the state *closed*, with all pages of one state of another database.
/// Returns their size in bytes.
pub(crate) fn fill_pages(server: &Server, from: &Site, place: &Place) -> Result<u64> {
    let site = server.site(place);
    if server.exists(&place.physical) {
        already_there(&site)?;
        return server.size_bytes(&place.physical);
    }
    refuse_leftovers(server, place)?;
    let file = TemporaryFile::of(server, &place.physical);
    copy_pages(from, &file.0).map_err(|error| located(error, &from.path))?;
    let conn = private(&file.0)?;
    check_pages(&conn)?;
    become_place(&conn, &site, from.place.tenant, PlaceState::Closed)?;
    close(conn)?;
    let bytes = file.0.metadata().map_err(|error| io(error, &file.0))?.len();
    finish_file(server, place, file)?;
    Ok(bytes)
}
