//! Hands attached databases to the engine, one by one, when a place needs one.

use super::{
    address::reached_at,
    is_attached,
    row::{self, Stored, Url},
};
use crate::{
    Error, Result,
    control::{Subject, settings},
    platform::inner::Inner,
    secrets::{Sealed, Secrets},
};
use std::sync::{Arc, Weak};
use tenantry_engine::{
    AttachedSpec, Kind,
    name::{ServerName, StoreName, TenantId},
};

/// Lets the engine of a platform find attached databases, and close those that change. The engine does not keep the
/// platform alive.
pub(crate) fn connect(inner: &Arc<Inner>) {
    let platform = Arc::downgrade(inner);
    inner.engine.find_attached_with(Box::new(move |server| {
        let platform = platform.clone();
        Box::pin(async move { found(&platform, &server).await.map_err(|error| refused(&server, error)) })
    }));
    let platform = Arc::downgrade(inner);
    inner.control.listen(move |subject| {
        let Some(inner) = platform.upgrade() else { return };
        match subject {
            Subject::Attachment(server) => {
                if let Ok(server) = ServerName::parse(server) {
                    inner.engine.close_attached(&server);
                }
            }
            Subject::Everything => {
                inner.engine.open_attached_names().iter().for_each(|name| inner.engine.close_attached(name));
            }
            _ => {}
        }
    });
}

async fn found(platform: &Weak<Inner>, server: &ServerName) -> Result<AttachedSpec> {
    if !is_attached(server) {
        return Err(Error::NotFound("attached database"));
    }
    let inner = platform.upgrade().ok_or_else(|| Error::Unavailable("shutting down".into()))?;
    let mut tx = inner.control.snapshot().await?;
    let stored = row::stored(&mut tx, server).await?.ok_or(Error::NotFound("attached database"))?;
    let installation = settings::known_platform_id(&mut tx).await?.unwrap_or_default();
    drop(tx);
    let url = opened(&inner.secrets, &installation, &stored).await?;
    let Stored { server: name, engine, identity, store, .. } = stored;
    let at = reached_at(engine, url, &inner.config, &store)?;
    Ok(AttachedSpec { name, at, identity: Some(identity) })
}

/// Returns the URL of a stored attachment.
pub(super) async fn opened(secrets: &Secrets, installation: &str, stored: &Stored) -> Result<String> {
    match &stored.url {
        Url::Plain(text) => Ok(text.clone()),
        Url::Sealed(sealed) => {
            let owner = owner(installation, stored.tenant, &stored.store, stored.id);
            secrets.open(&owner, sealed).await
        }
    }
}

/// Encrypts the URL of an attachment. Without keys, a URL without a password is stored as it is.
pub(super) async fn sealed(secrets: &Secrets, owner: &str, url: &str, has_password: bool) -> Result<Url> {
    match secrets.is_configured() || has_password {
        true => secrets.seal(owner, url).await.map(Url::Sealed),
        false => Ok(Url::Plain(url.to_owned())),
    }
}

/// Encrypts the URL of a stored attachment again, with the newest key.
pub(super) async fn resealed(secrets: &Secrets, installation: &str, stored: &Stored) -> Result<Sealed> {
    let url = opened(secrets, installation, stored).await?;
    secrets.seal(&owner(installation, stored.tenant, &stored.store, stored.id), &url).await
}

/// Returns the text that a sealed URL is bound to: it opens only in its own row.
pub(super) fn owner(installation: &str, tenant: TenantId, store: &StoreName, id: i64) -> String {
    format!("attachment of {installation}, tenant {tenant}, store {store}, number {id}")
}

/// Converts the reason why an attached database was not found to an error of the engine.
fn refused(server: &ServerName, error: Error) -> tenantry_engine::Error {
    let detail = format!("attached database {server}: {error}");
    match error {
        Error::Engine(error) => error,
        Error::NotFound(_) => tenantry_engine::Error::new(Kind::UnknownServer(server.to_string()), detail),
        Error::Invalid { .. } => tenantry_engine::Error::new(Kind::NoAccess, detail),
        _ => tenantry_engine::Error::new(Kind::Unreachable, detail),
    }
}
