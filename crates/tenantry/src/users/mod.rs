//! Users of the platform. Passwords are opaque hashes here, which access computes.
//!
//! Access, operations, the command line and the staff pages call it. `members` has the memberships in tenants. This
//! module never sees a password or a token.

pub(crate) mod change;
pub(crate) mod grants;
mod list;
pub(crate) mod members;
mod of_tenant;
mod standing;
mod verbs;

pub use change::Flags;
pub(crate) use change::require_credentials;
pub(crate) use change::{link_identity, set_flags, set_locale, set_name, set_password_hash, unlock};
pub use list::{Filter, Membership, Only, Profile};
pub use members::Member;
pub use of_tenant::Members;
pub use standing::Standing;
pub(crate) use standing::confirm;
pub(crate) use standing::give_up_address;
pub use verbs::{FlagChanges, NewOwner, Users};

use crate::{
    Error, Result,
    audit::By,
    control::{Write, params},
    locale::Locale,
};
use tenantry_engine::{
    Kind, SqlRow, Tx,
    name::{Slug, TenantId, UserId},
    value::Value,
};

/// A user's record.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
pub struct User {
    /// Id of the user.
    pub id: UserId,
    /// E-mail address in lower case. Several accounts may have the same address, but at most one holds it.
    pub email: String,
    /// True if the address alone finds this account at sign-in. An account that does not hold its address can only be
    /// reached through its tenants.
    pub holds_address: bool,
    /// Time at which a link sent to the address, or the operator, proved the address; `None` if it is not proven.
    pub verified_at_us: Option<i64>,
    /// Display name of the user.
    pub name: String,
    /// PHC string of the password; `None` if the user cannot sign in with a password. It is never serialized.
    #[serde(skip)]
    pub password_hash: Option<String>,
    /// True if the user has all rights on the platform.
    pub is_superuser: bool,
    /// True if the user is platform staff.
    pub is_staff: bool,
    /// True if the user may sign in.
    pub is_active: bool,
    /// Time of creation, in microseconds since 1970, UTC.
    pub created_at_us: i64,
    /// Time of the last successful sign-in, in microseconds since 1970, UTC.
    pub last_login_at_us: Option<i64>,
    /// Number of wrong passwords, from networks without a later sign-in and without a day of silence.
    pub failed_logins: i64,
    /// Time until which the account is locked for at least one network (`account-enumeration`).
    pub locked_until_us: Option<i64>,
    /// Number of the current credentials. A session created under another number is invalid.
    pub credentials: i64,
    /// Tenant in which the user last worked. A sign-in without a tenant leads there.
    pub last_tenant: Option<TenantId>,
    /// Language and time zone that the person has chosen for pages.
    #[serde(skip)]
    pub locale: Locale,
}

impl User {
    /// Returns true if the address is proven, so that messages and rights for the address may go to this account.
    pub fn is_confirmed(&self) -> bool {
        self.holds_address && self.verified_at_us.is_some()
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "User({}, {})", self.id, self.email)
    }
}

/// A user to create.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NewUser {
    /// E-mail address in any case. It is stored in lower case.
    pub email: String,
    /// Display name, 1 to 200 characters.
    pub name: String,
    /// PHC string of the password, if any.
    pub password_hash: Option<String>,
    /// Trust in the address.
    #[serde(default)]
    pub standing: Standing,
}

impl std::fmt::Debug for NewUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewUser({})", self.email)
    }
}

const COLUMNS: &str = "id, address, name, password_hash, is_superuser, is_staff, is_active, created_at, \
    last_login_at, (SELECT coalesce(sum(failed), 0) FROM login_failures f WHERE f.user_id = users.id), \
    (SELECT max(locked_until) FROM login_failures f WHERE f.user_id = users.id), credentials, email = address, verified_at, \
    last_tenant, language, time_zone";

fn read(r: &SqlRow) -> Result<User> {
    Ok(User {
        id: UserId::from_raw(r.integer(0)?),
        email: r.text(1)?.to_owned(),
        name: r.text(2)?.to_owned(),
        password_hash: r.opt_text(3)?.map(Into::into),
        is_superuser: r.boolean(4)?,
        is_staff: r.boolean(5)?,
        is_active: r.boolean(6)?,
        created_at_us: r.integer(7)?,
        last_login_at_us: r.opt_integer(8)?,
        failed_logins: r.integer(9)?,
        locked_until_us: r.opt_integer(10)?,
        credentials: r.integer(11)?,
        holds_address: r.boolean(12)?,
        verified_at_us: r.opt_integer(13)?,
        last_tenant: r.opt_integer(14)?.map(TenantId::from_raw),
        locale: Locale {
            language: r.opt_text(15)?.map(Into::into),
            time_zone: r.opt_text(16)?.map(Into::into),
        },
    })
}

/// Returns the form in which an address is stored and looked up.
pub fn normal_email(email: &str) -> String {
    email.trim().to_ascii_lowercase()
}

/// Checks that a text has the form of an e-mail address.
///
/// # Errors
/// Returns [`Error::Invalid`] for any other text.
pub fn check_email(email: &str) -> Result<()> {
    let email = email.trim();
    let well_formed = email.len() <= 254
        && email.bytes().all(|b| b.is_ascii_graphic())
        && email.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && !host.contains('@')
                && host.contains('.')
                && !host.starts_with('.')
                && !host.ends_with('.')
        });
    if well_formed { Ok(()) } else { Err(Error::invalid("email", "this is not an e-mail address")) }
}

/// Checks that a name is one line of at most 200 characters, all of which are displayed as written.
///
/// # Errors
/// Returns [`Error::Invalid`], which names `field`, for any other text.
pub fn check_text(field: &str, text: &str) -> Result<()> {
    let text = text.trim();
    if !(1..=200).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "use 1 to 200 characters, no control characters"));
    }
    check_shown(field, text)
}

/// Checks that no character hides others or changes the direction of the text, so that a name in a letter or a list
/// looks as it was written.
///
/// # Errors
/// Returns [`Error::Invalid`], which names `field`, for any other text.
pub(crate) fn check_shown(field: &str, text: &str) -> Result<()> {
    match text.chars().find(|c| is_hidden(*c)) {
        Some(hidden) => Err(Error::invalid(
            field,
            format!(
                "must not contain U+{:04X}, which hides text or changes its direction",
                u32::from(hidden)
            ),
        )),
        None => Ok(()),
    }
}

/// Returns true for format characters that are not displayed. Joiners (U+200C, U+200D) do not count, because words of
/// some languages contain them.
fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}'..='\u{e007f}'
    )
}

/// Creates a user. An address in use is a conflict; the caller decides whether to reveal that (`account-enumeration`).
///
/// # Errors
/// Returns [`Error::Invalid`] for an invalid address or name; [`Error::Conflict`] for an address in use.
pub(crate) async fn create(write: &mut Write, by: &By, new: &NewUser) -> Result<UserId> {
    let id = insert(write, new).await?;
    write.audit(by, None, "user.create", serde_json::json!({ "user": id })).await?;
    Ok(id)
}

/// Creates a user like [`create`], but without an audit row, as part of a larger action.
pub(crate) async fn insert(write: &mut Write, new: &NewUser) -> Result<UserId> {
    check_email(&new.email)?;
    check_text("name", &new.name)?;
    let at = write.at_us();
    let address = normal_email(&new.email);
    let (sign_in, verified_at) = match new.standing {
        Standing::Confirmed => (address.clone(), Some(at)),
        Standing::Unconfirmed => (standing::no_address(), None),
    };
    let sql = "INSERT INTO users (email, address, verified_at, name, password_hash, created_at, credentials_at) \
        VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id";
    let values = params![sign_in, address, verified_at, new.name.trim(), new.password_hash.clone(), at, at];
    match write.query(sql, values).await {
        Ok(rows) => Ok(UserId::from_raw(rows.first().ok_or(Error::NotFound("user"))?.integer(0)?)),
        Err(e) if matches!(e.kind(), Kind::Unique(_)) => {
            Err(Error::Conflict("a user with this e-mail address exists".into()))
        }
        Err(e) => Err(e.into()),
    }
}

/// Returns the user with this id.
///
/// # Errors
/// Returns [`Error::NotFound`] when there is no such user.
pub(crate) async fn by_id(tx: &mut Tx, id: UserId) -> Result<User> {
    let found = one(tx, &format!("SELECT {COLUMNS} FROM users WHERE id = ?"), params![id.get()]).await?;
    found.ok_or(Error::NotFound("user"))
}

/// Returns the user who holds this address, if any. Does not find accounts that only claim the address.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<User>> {
    one(tx, &format!("SELECT {COLUMNS} FROM users WHERE email = ?"), params![normal_email(email)]).await
}

/// Returns the account for an address at sign-in: the account that holds the address or, if a tenant is named, that
/// tenant's member with the address.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn by_sign_in(tx: &mut Tx, email: &str, tenant: Option<&Slug>) -> Result<Option<User>> {
    let Some(tenant) = tenant else { return by_email(tx, email).await };
    let sql = format!(
        "SELECT {COLUMNS} FROM users WHERE address = ?1 AND id IN (SELECT m.user_id FROM memberships m \
         JOIN tenants t ON t.id = m.tenant WHERE t.slug = ?2) ORDER BY email = address DESC, id DESC LIMIT 1"
    );
    one(tx, &sql, params![normal_email(email), tenant.as_str()]).await
}

/// Returns the user linked to an identity of another issuer, if any.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn by_identity(tx: &mut Tx, issuer: &str, subject: &str) -> Result<Option<User>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM users WHERE id = (SELECT user_id FROM identities WHERE issuer = ? AND subject = ?)"
    );
    one(tx, &sql, params![issuer, subject]).await
}

async fn one(tx: &mut Tx, sql: &str, values: &[Value]) -> Result<Option<User>> {
    tx.query(sql, values).await?.first().map(read).transpose()
}

pub(crate) async fn count(tx: &mut Tx, sql: &str, values: &[Value]) -> Result<i64> {
    Ok(tx.query(sql, values).await?.first().map_or(Ok(0), |r| r.integer(0))?)
}
