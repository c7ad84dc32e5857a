//! Creates databases of this installation and tenant from copies.

use super::file::{self, bring_in, resolved};
use crate::{
    carry::AdoptOptions,
    error::{Error, Kind, Result},
    identity::PlaceState,
    name::TenantId,
    place::Place,
    sqlite::{
        TemporaryFile,
        files::{
            Server, already_there, check_pages, close, copy_new, move_new, private, put_in_place,
            refuse_leftovers,
        },
        identity,
        site::Site,
    },
};
use rusqlite::{Connection, params};
use std::path::Path;

/// Creates the database of the place, which must not exist yet, from the copy `from` of tenant `of` (`None` for a
/// system store). The new file gets the identity of the place, and its fence, if any, is lifted. Idempotent.
pub(crate) fn adopt(
    server: &Server,
    place: &Place,
    from: &Path,
    of: Option<TenantId>,
    options: AdoptOptions,
) -> Result<()> {
    let site = server.site(place);
    if of.is_some() != place.tenant.is_some() {
        return Err(Error::new(Kind::WrongIdentity, format!("{place} is not made from a copy of {of:?}")));
    }
    if server.exists(&place.physical) {
        return already_there(&site);
    }
    refuse_leftovers(server, place)?;
    let (from, file) = (resolved(from)?, TemporaryFile::new(server));
    bring_in(&from)?;
    let moved = options.used_up && move_new(&from, &file.0)?;
    if !moved {
        copy_new(&from, &file.0)?;
    }
    let conn = private(&file.0)?;
    if options.check || !moved {
        check_pages(&conn)?;
    }
    become_place(&conn, &site, of, PlaceState::Open)?;
    close(conn)?;
    put_in_place(server, place, file)
}

/// Turns a file with the contents of tenant `of` into the database of a place.
pub(crate) fn become_place(
    conn: &Connection,
    site: &Site,
    of: Option<TenantId>,
    filled: PlaceState,
) -> Result<()> {
    let (place, platform) = (&site.place, &site.platform);
    let inside = file::identity(conn, &place.store, of)?;
    let generation = place.generation_number()?;
    if of == place.tenant && inside.generation > generation {
        let detail = format!("the copy is of generation {}, later than {place}", inside.generation);
        return Err(Error::new(Kind::Fenced, detail));
    }
    let (old, new) = (of.map_or(0, TenantId::get), place.tenant_number());
    let platform_id = if platform.id().is_empty() { &inside.platform } else { platform.id() };
    conn.execute_batch("BEGIN IMMEDIATE; DELETE FROM _tenantry_changes")?;
    conn.execute(
        "UPDATE _tenantry_place SET tenant = ?3, generation = ?4, platform = ?5, state = ?6, holder = NULL,
            recorder = NULL, log_upto = (SELECT coalesce(max(id), 0) FROM _tenantry_activity)
            WHERE tenant = ?1 AND store = ?2",
        params![old, place.store.as_str(), new, generation, platform_id, filled.name()],
    )?;
    if old != new {
        conn.execute("UPDATE _tenantry_activity SET tenant = ?2 WHERE tenant = ?1", [old, new])?;
    }
    conn.execute_batch("COMMIT")?;
    identity::check(conn, place, platform)
}
