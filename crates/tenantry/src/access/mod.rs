//! Authentication and authorisation: the only way to a tenant handle.
//!
//! The platform facade and the HTTP layer call it. Every kind of credential takes the same path through `credentials`
//! (`uneven-credentials`). There is no ambient tenant, and no header, slug or token becomes a path or SQL name.

mod actor;
pub mod api_keys;
pub mod credentials;
pub mod directory;
pub mod gates;
pub mod handle;
pub mod host;
mod issuers;
mod limits;
mod neighbour;
mod operator;
mod positions;
mod sign_in;
pub mod token;

pub use actor::Actor;
pub use credentials::{Presented, Resolved};
pub use handle::Tenant;
use issuers::{claims, fetch};
pub use issuers::{jwks, jwt};
use limits::{gcra, guessable, lockout, refusals};
pub use limits::{meter, ratelimit};
pub use operator::Operator;
pub use positions::Positions;
pub use sign_in::step_up::Confirmed;
pub use sign_in::{impersonation, login, passwords, sessions, step_up};
use sign_in::{proof, seen, session};

use crate::{
    Error, Result,
    audit::By,
    config::{AuthConfig, Config},
    control::Control,
    topology::Topology,
};
use tenantry_engine::name::{RoleName, TenantId};

/// All services of authentication and authorisation. One per platform, shared by reference.
pub struct Access {
    control: Control,
    directory: directory::Directory,
    sessions: sessions::Sessions,
    api_keys: api_keys::ApiKeys,
    issuers: jwt::Issuers,
    passwords: passwords::Passwords,
    doors: ratelimit::Doors,
    lockout: lockout::Lockout,
    refusals: refusals::Refusals,
    meters: meter::Meters,
    seen: seen::Seen,
    base_domain: String,
    roles: Vec<RoleName>,
    session_hours: u32,
}

impl Access {
    /// Creates the services from the configuration. Reads the keys of issuers, except from URLs, which are read later.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which lists every problem of `[[auth.jwt]]` at once.
    pub(crate) fn open(control: Control, topology: Topology, config: &Config) -> Result<Self> {
        let AuthConfig { session_hours, roles, login_per_minute, registration_per_hour, jwt, .. } =
            &config.auth;
        let issuers =
            jwt::Issuers::new(jwt).map_err(|problems| Error::invalid("auth.jwt", problems.join("; ")))?;
        let issuers = issuers.with_clock(control.clock());
        let seen = seen::Seen::new(control.clone());
        let cores = std::thread::available_parallelism().map_or(2, |n| n.get());
        Ok(Self {
            directory: directory::Directory::new(control.clone(), topology),
            sessions: sessions::Sessions::new(control.clone(), seen.clone()),
            api_keys: api_keys::ApiKeys::new(control.clone(), seen.clone(), roles.clone()),
            issuers,
            passwords: passwords::Passwords::new(cores),
            doors: ratelimit::Doors::new(ratelimit::Paces {
                login_per_minute: *login_per_minute,
                lock_after: config.auth.lock_after,
                guesses_per_hour: config.auth.guesses_per_hour,
                registration_per_hour: *registration_per_hour,
                invitations_per_hour: config.mail.per_tenant_per_hour,
            }),
            lockout: lockout::Lockout::new(control.clone(), config.auth.lock_after, config.auth.lock_minutes),
            refusals: refusals::Refusals::default(),
            meters: meter::Meters::new(),
            seen,
            base_domain: config.platform.base_domain.clone(),
            roles: roles.clone(),
            session_hours: *session_hours,
            control,
        })
    }

    /// Checks that all secrets and keys for checking credentials are present. A server calls this before it serves;
    /// commands do not need them.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which lists all missing secrets.
    pub(crate) fn check_secrets(&self) -> Result<()> {
        match self.issuers.missing() {
            [] => Ok(()),
            missing => Err(Error::invalid("auth.jwt", missing.join("; "))),
        }
    }

    /// Returns the sessions: list and revoke.
    pub fn sessions(&self) -> &sessions::Sessions {
        &self.sessions
    }

    /// Returns the API keys: create, list, revoke.
    pub fn api_keys(&self) -> &api_keys::ApiKeys {
        &self.api_keys
    }

    /// Returns the password pool, for registration and staff.
    pub fn passwords(&self) -> &passwords::Passwords {
        &self.passwords
    }

    /// Returns the rate limits of the public endpoints.
    pub fn doors(&self) -> &ratelimit::Doors {
        &self.doors
    }

    /// Returns the cached users and tenants.
    pub fn directory(&self) -> &directory::Directory {
        &self.directory
    }

    /// Returns the counts of running requests per tenant.
    pub fn meters(&self) -> &meter::Meters {
        &self.meters
    }

    /// Records in the audit log that an action was denied to this caller. At most ten denials per caller are recorded
    /// at once, and ten per hour after that; a later row counts the others. An impersonator and the member count as
    /// different callers.
    ///
    /// # Errors
    /// Returns an error if the control store cannot be written.
    pub async fn record_denial(&self, by: &By, tenant: Option<TenantId>, act: &str) -> Result<()> {
        if !self.doors.denial(by) {
            self.refusals.count_denial();
            return Ok(());
        }
        let mut write = self.control.begin().await?;
        write.audit(by, tenant, "access.denied", serde_json::json!({ "act": act })).await?;
        write.commit().await
    }

    /// Writes all pending records. Called at shutdown.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn flush(&self) -> Result<()> {
        self.lockout.flush().await;
        self.refusals.write(&self.control).await?;
        self.seen.flush().await
    }

    /// Writes records that have been pending long enough. A reconciler calls this.
    pub(crate) async fn flush_sometimes(&self) -> Result<()> {
        self.refusals.write_sometimes(&self.control).await?;
        self.seen.flush().await
    }
}
