//! Options of `postgres_fdw` with which one PostgreSQL server reaches another one, or itself.

use crate::{
    error::Result,
    postgres::{server::Server, site::Site},
};

/// Seconds within which the other server must accept the connection.
const CONNECT_S: &str = "5";
/// First version whose client library supports the certificate authorities of the operating system.
const KNOWS_SYSTEM_ROOTS: i32 = 160_000;

/// Returns the options with which `server` reaches the database of `at` on the server `source`.
pub(super) async fn options(
    server: &Server,
    (source, at): (&Server, &Site),
) -> Result<Vec<(&'static str, String)>> {
    let mut options = match &source.join_address {
        Some(address) => address.clone(),
        None if server.name == source.name => itself(server).await?,
        None => other(server, source).await?,
    };
    options.extend([
        ("dbname", at.database.to_string()),
        ("application_name", "tenantry".to_owned()),
        ("connect_timeout", CONNECT_S.to_owned()),
        ("keep_connections", "off".to_owned()),
        ("updatable", "false".to_owned()),
        ("fetch_size", "1000".to_owned()),
    ]);
    Ok(options)
}

/// Returns the options with which a server reaches itself: the address at which this process's connection arrived.
async fn itself(server: &Server) -> Result<Vec<(&'static str, String)>> {
    let mut lease = server.home().await?;
    let sql = "SELECT host(inet_server_addr()), current_setting('port')";
    let rows = lease.connection()?.query(sql, &[]).await?;
    let (address, port) = rows.first().map_or((None, None), |row| (row.get(0), Some(row.get(1))));
    let folder = server.connections.access().socket_folder().filter(|_| !server.connections.are_pooled());
    // Without a host, PostgreSQL uses the socket in the directory that it was built with.
    let host = address.or(folder).map(|host: String| ("host", host));
    Ok(host.into_iter().chain(port.map(|port| ("port", port))).collect())
}

/// Returns the options with which a server reaches another one. They are the options with which this process reaches
/// it.
async fn other(server: &Server, source: &Server) -> Result<Vec<(&'static str, String)>> {
    let mut options = source.connections.access().options();
    if options.contains(&("sslrootcert", "system".to_owned())) {
        let mut lease = server.home().await?;
        let sql = "SELECT current_setting('server_version_num')::int";
        let rows = lease.connection()?.query(sql, &[]).await?;
        if rows.first().is_some_and(|row| row.get::<_, i32>(0) < KNOWS_SYSTEM_ROOTS) {
            options.retain(|(name, _)| *name != "sslrootcert");
        }
    }
    Ok(options)
}
