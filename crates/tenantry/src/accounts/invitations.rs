//! Invitations: the only way for a person to become a member of an existing tenant.
//!
//! An owner names an address and a role; a letter goes to the address; its reader accepts or refuses. The answer to the
//! owner is the same whether or not the address has an account, and nothing changes for that account until its holder
//! accepts.

use crate::{
    Error, Platform, Result,
    access::{Actor, Tenant, login::SignedIn, passwords::Password, sessions::Origin},
    audit::By,
    control::{Write, clock::DAY_US, params},
    error::Wrong,
    mail::{self, Draft, Kind},
    tenants::{self, State},
    users::{self, NewUser, Standing, members},
};
use serde_json::json;
use tenantry_engine::{
    SqlRow, Tx,
    name::{RoleName, Slug, TenantId, UserId},
};

/// An invitation as the owners of its tenant see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Id with which to revoke the invitation.
    pub id: i64,
    /// E-mail address that was invited.
    pub email: String,
    /// Role that the invitation offers.
    pub role: RoleName,
    /// Time of creation, in microseconds since 1970, UTC.
    pub created_at_us: i64,
    /// Expiry, in microseconds since 1970, UTC.
    pub expires_at_us: i64,
    /// State of the newest letter of the invitation: `waiting`, `sent` or `failed`.
    pub letter: String,
    /// The member who created the invitation; `None` if an operator did.
    pub made_by: Option<Inviter>,
}

/// The member who created an invitation. The invitation ends with that membership, and gives at most the current role
/// of that member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inviter {
    /// User id of the member.
    pub id: UserId,
    /// E-mail address of the member.
    pub email: String,
}

/// An invitation as the reader of its letter sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    id: i64,
    tenant_id: TenantId,
    /// Slug of the tenant.
    pub tenant: Slug,
    /// Name of the tenant.
    pub name: String,
    /// E-mail address that was invited.
    pub email: String,
    /// Role that the invitation offers.
    pub role: RoleName,
    /// Expiry, in microseconds since 1970, UTC.
    pub expires_at_us: i64,
    /// True if the address has a confirmed account, whose holder must sign in to accept.
    pub has_account: bool,
}

/// The person who accepts an invitation.
#[derive(Debug)]
pub enum Answerer {
    /// A signed-in person.
    SignedIn(Actor),
    /// A person without an account, who creates one.
    New {
        /// Name of the new user.
        name: String,
        /// Password that the new user chooses.
        password: Password,
    },
}

const OPEN: &str = "SELECT i.id, i.email, i.role, i.created_at, i.expires_at, \
    (SELECT m.state FROM mails m WHERE m.invitation = i.id ORDER BY m.id DESC LIMIT 1), \
    i.made_by, u.address FROM invitations i LEFT JOIN users u ON u.id = i.made_by WHERE i.tenant = ? AND i.state = 'open'";

/// The invitations of an installation.
pub struct Invitations<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Returns the invitations: create, list, revoke, answer.
    pub fn invitations(&self) -> Invitations<'_> {
        Invitations { platform: self }
    }
}

impl Invitations<'_> {
    /// Invites the reader of an address to a tenant. If the address already has an open invitation, renews that with
    /// the new role.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant; [`Error::Invalid`] for an invalid address;
    /// [`Error::Conflict`] if the address belongs to a member; [`Error::LimitExceeded`] if members and invitations fill
    /// the plan; [`Error::RateLimited`] if the tenant has used up its limit. No error depends on other letters to the
    /// address: a letter beyond their rate waits.
    pub async fn create(&self, tenant: &Tenant, email: &str, role: &RoleName) -> Result<Invitation> {
        tenant.require_manager()?;
        users::check_email(email)?;
        let (email, by) = (users::normal_email(email), tenant.actor().by());
        self.platform.access().doors().invitation(tenant.id())?;
        let mut write = self.platform.control().begin().await?;
        let id =
            record(&mut write, tenant, &email, role, self.platform.config().mail.invitation_days).await?;
        let draft = Draft {
            kind: Kind::Invitation,
            address: &email,
            user: None,
            invitation: Some(id),
            tenant: Some(tenant.id()),
        };
        mail::enqueue(&mut write, &draft).await?;
        let detail = json!({ "invitation": id, "role": role });
        write.audit(&by, Some(tenant.id()), "invitation.create", detail).await?;
        let rows = write.query(&format!("{OPEN} AND i.id = ?"), params![tenant.id().get(), id]).await?;
        let made = read(rows.first().ok_or(Error::NotFound("invitation"))?)?;
        write.commit().await?;
        self.platform.0.mailer.wake();
        Ok(made)
    }

    /// Returns the open invitations of a tenant, oldest first.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant.
    pub async fn list(&self, tenant: &Tenant) -> Result<Vec<Invitation>> {
        tenant.require_manager()?;
        let sql = format!("{OPEN} ORDER BY i.id");
        let rows = self.platform.control().snapshot().await?.query(&sql, params![tenant.id().get()]).await?;
        rows.iter().map(read).collect()
    }

    /// Revokes an invitation. Its link no longer has any effect.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when the tenant has no such open invitation; [`Error::Denied`] unless the actor
    /// manages it.
    pub async fn revoke(&self, tenant: &Tenant, id: i64) -> Result<()> {
        tenant.require_manager()?;
        let mut write = self.platform.control().begin().await?;
        close(&mut write, id, Some(tenant.id()), "revoked").await?;
        let detail = json!({ "invitation": id });
        write.audit(&tenant.actor().by(), Some(tenant.id()), "invitation.revoke", detail).await?;
        write.commit().await
    }

    /// Returns the invitation to which a link belongs.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for a link that is unknown, used or expired, and for an invitation that is closed.
    pub async fn by_link(&self, token: &str) -> Result<Invited> {
        let control = self.platform.control();
        let roles = &self.platform.config().auth.roles;
        invited(&mut control.snapshot().await?, token, control.now_us(), roles)
            .await
            .map(|(invited, _)| invited)
    }

    /// Accepts an invitation. A signed-in person joins with the account that holds the invited address. A new person
    /// gets an account with the password they choose, and a session. An older account that only claimed the address
    /// plays no part, nor does anything that was set up with it.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] in the cases of [`Invitations::by_link`]; [`Error::Conflict`] for any account but
    /// the invited one, and for a new person whose address has an account; [`Error::LimitExceeded`] when the plan is
    /// full.
    pub async fn accept(
        &self,
        token: &str,
        answerer: Answerer,
        origin: &Origin,
    ) -> Result<(Slug, Option<SignedIn>)> {
        self.platform.access().doors().link(origin.address)?;
        let (by, user, invited) = match answerer {
            Answerer::SignedIn(actor) => self.accept_as(token, &actor).await?,
            Answerer::New { name, password } => {
                let invited = self.by_link(token).await?;
                if invited.has_account {
                    return Err(sign_in_first());
                }
                let mut wrong = Wrong::default();
                wrong.take(users::check_text("name", &name))?;
                wrong.take(password.check(&invited.email))?;
                wrong.finish()?;
                let hash = self.platform.access().passwords().hash(password).await?;
                let new = NewUser {
                    email: invited.email,
                    name,
                    password_hash: Some(hash),
                    standing: Standing::Confirmed,
                };
                let (user, invited) = self.accept_new(token, &new).await?;
                (None, user, invited)
            }
        };
        self.platform.control().refresh().await?;
        let session = match by {
            Some(_) => None,
            None => Some(self.platform.access().sign_in_as(user, Some(invited.tenant_id), origin).await?),
        };
        Ok((invited.tenant, session))
    }

    async fn accept_as(&self, token: &str, actor: &Actor) -> Result<(Option<By>, UserId, Invited)> {
        let user = self.platform.accounts().own_account(actor).await?;
        let mut write = self.platform.control().begin().await?;
        let at = write.at_us();
        let (invited, link) = invited(&mut write, token, at, &self.platform.config().auth.roles).await?;
        if user.email != invited.email || !user.holds_address {
            return Err(Error::Conflict(
                "this invitation is for another account: sign out, then follow the link again".into(),
            ));
        }
        mail::use_link(&mut write, &link).await?;
        // The link was sent to the address, and this account signs in with that address.
        users::confirm(&mut write, &actor.by(), user.id, &self.platform.owner_role()?).await?;
        join(&mut write, &actor.by(), user.id, &invited).await?;
        write.commit().await?;
        Ok((Some(actor.by()), user.id, invited))
    }

    async fn accept_new(&self, token: &str, new: &NewUser) -> Result<(UserId, Invited)> {
        let mut write = self.platform.control().begin().await?;
        let at = write.at_us();
        let (invited, link) = invited(&mut write, token, at, &self.platform.config().auth.roles).await?;
        mail::use_link(&mut write, &link).await?;
        let by = By::actor(format!("invitation:{}", invited.id));
        match users::by_email(&mut write, &invited.email).await? {
            Some(holder) if holder.is_confirmed() => return Err(sign_in_first()),
            // This account was created before addresses were confirmed, perhaps by another person.
            Some(claimant) => users::give_up_address(&mut write, &by, claimant.id).await?,
            None => {}
        }
        let user = users::create(&mut write, &by, new).await?;
        join(&mut write, &By::actor(format!("user:{user}")), user, &invited).await?;
        write.commit().await?;
        Ok((user, invited))
    }

    /// Refuses an invitation. This needs only the link.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] in the cases of [`Invitations::by_link`].
    pub async fn refuse(&self, token: &str, origin: &Origin) -> Result<()> {
        self.platform.access().doors().link(origin.address)?;
        let mut write = self.platform.control().begin().await?;
        let at = write.at_us();
        let (invited, link) = invited(&mut write, token, at, &self.platform.config().auth.roles).await?;
        mail::use_link(&mut write, &link).await?;
        close(&mut write, invited.id, None, "refused").await?;
        let (by, detail) =
            (By::actor(format!("invitation:{}", invited.id)), json!({ "invitation": invited.id }));
        write.audit(&by, Some(invited.tenant_id), "invitation.refuse", detail).await?;
        write.commit().await
    }
}

fn sign_in_first() -> Error {
    Error::Conflict("this address has an account: sign in with it, then accept the invitation".into())
}

/// Records the invitation, or renews the open invitation of the address.
async fn record(write: &mut Write, entered: &Tenant, email: &str, role: &RoleName, days: u32) -> Result<i64> {
    let (tenant, maker) = (entered.id(), entered.actor().user_id().map(UserId::get));
    let is_member = "SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id \
        WHERE m.tenant = ? AND u.email = ?";
    if users::count(write, is_member, params![tenant.get(), email]).await? > 0 {
        return Err(Error::Conflict("this person is a member already".into()));
    }
    let others = "SELECT count(*) FROM invitations WHERE tenant = ? AND state = 'open' AND email <> ? AND expires_at > ?";
    let at = write.at_us();
    let others = users::count(write, others, params![tenant.get(), email, at]).await?;
    members::reserve(write, tenant, others).await?;
    let sql = "INSERT INTO invitations (tenant, email, role, created_at, expires_at, state, made_by) \
        VALUES (?, ?, ?, ?, ?, 'open', ?) \
        ON CONFLICT (tenant, email) WHERE state = 'open' DO UPDATE SET role = excluded.role, \
        expires_at = excluded.expires_at, made_by = excluded.made_by RETURNING id";
    let values = params![tenant.get(), email, role.as_str(), at, at + i64::from(days) * DAY_US, maker];
    Ok(write.query(sql, values).await?.first().ok_or(Error::NotFound("invitation"))?.integer(0)?)
}

/// Adds the membership and closes the invitation.
async fn join(write: &mut Write, by: &By, user: UserId, invited: &Invited) -> Result<()> {
    close(write, invited.id, None, "accepted").await?;
    let detail = json!({ "invitation": invited.id, "user": user });
    write.audit(by, Some(invited.tenant_id), "invitation.accept", detail).await?;
    members::add(write, by, user, invited.tenant_id, &invited.role).await
}

async fn close(write: &mut Write, id: i64, tenant: Option<TenantId>, state: &str) -> Result<()> {
    let at = write.at_us();
    let sql = "UPDATE invitations SET state = ?1, closed_at = ?2 \
        WHERE id = ?3 AND state = 'open' AND (tenant = ?4 OR ?4 IS NULL)";
    match write.execute(sql, params![state, at, id, tenant.map(TenantId::get)]).await? {
        0 => Err(Error::NotFound("invitation")),
        _ => Ok(()),
    }
}

async fn invited(tx: &mut Tx, token: &str, now_us: i64, roles: &[RoleName]) -> Result<(Invited, mail::Link)> {
    let absent = || Error::NotFound("link");
    let link = mail::link(tx, token, Kind::Invitation, now_us).await?;
    let sql = "SELECT tenant, role, expires_at, email, made_by FROM invitations WHERE id = ? AND state = 'open' AND expires_at > ?";
    let rows = tx.query(sql, params![link.invitation, now_us]).await?;
    let row = rows.first().ok_or_else(absent)?;
    let (tenant, email) = (TenantId::from_raw(row.integer(0)?), row.text(3)?.to_owned());
    let tenant = tenants::by_id(tx, tenant).await?;
    if matches!(tenant.state, State::Cancelled | State::Purging | State::Gone) {
        return Err(absent());
    }
    let (role, maker) = (RoleName::parse(row.text(1)?)?, row.opt_integer(4)?.map(UserId::from_raw));
    let role = granted(tx, tenant.id, role, maker, roles).await?;
    let holder = users::by_email(tx, &email).await?;
    let invited = Invited {
        id: link.invitation.ok_or_else(absent)?,
        tenant_id: tenant.id,
        tenant: tenant.slug,
        name: tenant.name,
        role,
        expires_at_us: row.integer(2)?,
        has_account: holder.is_some_and(|holder| holder.is_confirmed()),
        email,
    };
    Ok((invited, link))
}

/// Returns the role that an invitation gives now, which never exceeds its maker's role in the tenant. Superusers and
/// the operator can give any role.
///
/// # Errors
/// Returns [`Error::NotFound`] if the maker may not sign in or is no longer a member.
async fn granted(
    tx: &mut Tx,
    tenant: TenantId,
    offered: RoleName,
    maker: Option<UserId>,
    roles: &[RoleName],
) -> Result<RoleName> {
    let Some(maker) = maker else { return Ok(offered) };
    let user = users::by_id(tx, maker).await?;
    if user.is_active && user.is_superuser {
        return Ok(offered);
    }
    let present = members::role(tx, maker, tenant).await?.filter(|_| user.is_active);
    let present = present.ok_or(Error::NotFound("link"))?;
    let rank = |role: &RoleName| roles.iter().position(|known| known == role).unwrap_or(usize::MAX);
    Ok(if rank(&present) > rank(&offered) { present } else { offered })
}

fn inviter((id, email): (UserId, &str)) -> Inviter {
    Inviter { id, email: email.to_owned() }
}

fn read(row: &SqlRow) -> Result<Invitation> {
    Ok(Invitation {
        id: row.integer(0)?,
        email: row.text(1)?.to_owned(),
        role: RoleName::parse(row.text(2)?)?,
        created_at_us: row.integer(3)?,
        expires_at_us: row.integer(4)?,
        letter: row.opt_text(5)?.unwrap_or("waiting").to_owned(),
        made_by: row.opt_integer(6)?.map(UserId::from_raw).zip(row.opt_text(7)?).map(inviter),
    })
}
