//! The verbs on users: `platform.users()`. Each verb checks its actor; those that change something write an audit row
//! and commit.
//!
//! The staff API and the command line call them.

use super::{Flags, Member, NewUser, Standing, User, check_email, check_text};
use crate::{
    Error, Platform, Result,
    access::{
        Actor,
        passwords::{Password, Passwords},
    },
    error::Wrong,
    tenants::{self, provision::Owner},
};
use tenantry_engine::name::{RoleName, Slug, UserId};

/// The users of an installation.
pub struct Users<'a>(&'a Platform);

/// A person who becomes the first member of a tenant. The operator vouches for their address.
#[derive(Debug, Clone)]
pub struct NewOwner {
    /// E-mail address, with which the person also signs in.
    pub email: String,
    /// Display name.
    pub name: String,
    /// Password, which is checked against the policy.
    pub password: Password,
}

impl NewOwner {
    /// Hashes the password, and returns the user to create.
    pub(crate) async fn hashed(self, passwords: &Passwords) -> Result<Owner> {
        self.password.check(&self.email)?;
        let hash = passwords.hash(self.password).await?;
        Ok(Owner::New(NewUser {
            email: self.email,
            name: self.name,
            password_hash: Some(hash),
            standing: Standing::Confirmed,
        }))
    }
}

/// Changes of a user's flags. `None` leaves a flag unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlagChanges {
    /// Whether the user has all rights.
    pub superuser: Option<bool>,
    /// Whether the user is platform staff.
    pub staff: Option<bool>,
    /// Whether the user may sign in.
    pub active: Option<bool>,
}

impl Platform {
    /// Returns the users: list, create, change, unlock.
    pub fn users(&self) -> Users<'_> {
        Users(self)
    }
}

impl Users<'_> {
    pub(super) fn platform(&self) -> &Platform {
        self.0
    }

    /// Returns the members of a tenant, ordered by user id.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, and when there is no such tenant.
    pub async fn of_tenant(&self, actor: &Actor, slug: &Slug) -> Result<Vec<Member>> {
        actor.require_staff()?;
        let mut tx = self.0.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?;
        super::members::of_tenant(&mut tx, tenant.id).await
    }

    /// Returns the user who holds this address.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if there is no such user, and if the actor is not staff.
    pub async fn by_email(&self, actor: &Actor, email: &str) -> Result<User> {
        actor.require_staff()?;
        let found = super::by_email(&mut self.0.control().snapshot().await?, email).await?;
        found.ok_or(Error::NotFound("user"))
    }

    /// Creates a user. The superuser vouches for the address. If no name is given, the address serves as the name.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor is a superuser; [`Error::InvalidFields`] with every invalid field;
    /// [`Error::Conflict`] for an address in use.
    pub async fn create(
        &self,
        actor: &Actor,
        email: String,
        name: Option<String>,
        password: Password,
    ) -> Result<User> {
        actor.require_superuser("create users")?;
        let name = name.unwrap_or_else(|| email.clone());
        let mut wrong = Wrong::default();
        wrong.take(check_email(&email))?;
        wrong.take(check_text("name", &name))?;
        wrong.take(password.check(&email))?;
        wrong.finish()?;
        let password_hash = Some(self.0.access().passwords().hash(password).await?);
        let mut write = self.0.control().begin().await?;
        let new = NewUser { email, name, password_hash, standing: Standing::Confirmed };
        let id = super::create(&mut write, &actor.by(), &new).await?;
        let user = super::by_id(&mut write, id).await?;
        write.commit().await?;
        Ok(user)
    }

    /// Creates a superuser.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor is a superuser; [`Error::Invalid`] for an invalid address or
    /// password; [`Error::Conflict`] for an address in use.
    pub async fn create_superuser(&self, actor: &Actor, email: &str, password: Password) -> Result<UserId> {
        actor.require_superuser("create superusers")?;
        password.check(email)?;
        let hash = self.0.access().passwords().hash(password).await?;
        let mut write = self.0.control().begin().await?;
        let user = NewUser {
            email: email.into(),
            name: "Superuser".into(),
            password_hash: Some(hash),
            standing: Standing::Confirmed,
        };
        let by = actor.by();
        let id = super::create(&mut write, &by, &user).await?;
        let all = Flags { is_superuser: true, is_staff: true, is_active: true };
        super::set_flags(&mut write, &by, id, all, &self.0.owner_role()?).await?;
        write.commit().await?;
        Ok(id)
    }

    /// Creates a user and makes them an owner of an existing tenant.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] when the address has an account: its holder can only join by invitation.
    pub async fn create_owner(&self, actor: &Actor, slug: &Slug, owner: NewOwner) -> Result<()> {
        self.create_member(actor, slug, owner, &self.0.owner_role()?).await
    }

    /// Creates a user and makes them a member of an existing tenant.
    pub(crate) async fn create_member(
        &self,
        actor: &Actor,
        slug: &Slug,
        member: NewOwner,
        role: &RoleName,
    ) -> Result<()> {
        actor.require_staff()?;
        let by = &actor.by();
        let Owner::New(user) = member.hashed(self.0.access().passwords()).await? else {
            return Err(Error::Internal("a new member is a new user".into()));
        };
        let mut write = self.0.control().begin().await?;
        let tenant = tenants::by_slug(&mut write, slug).await?;
        let id = super::create(&mut write, by, &user).await?;
        super::members::add(&mut write, by, id, tenant.id, role).await?;
        write.commit().await
    }

    /// Changes flags of a user, and returns the changed user.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor is a superuser; [`Error::NotFound`] when there is no such user;
    /// [`Error::Conflict`] for the last superuser, and for the last manager of an active tenant.
    pub async fn change(&self, actor: &Actor, id: UserId, changes: FlagChanges) -> Result<User> {
        actor.require_superuser("change rights")?;
        let mut write = self.0.control().begin().await?;
        let user = super::by_id(&mut write, id).await?;
        let flags = Flags {
            is_superuser: changes.superuser.unwrap_or(user.is_superuser),
            is_staff: changes.staff.unwrap_or(user.is_staff),
            is_active: changes.active.unwrap_or(user.is_active),
        };
        super::set_flags(&mut write, &actor.by(), id, flags, &self.0.owner_role()?).await?;
        let user = super::by_id(&mut write, id).await?;
        write.commit().await?;
        Ok(user)
    }

    /// Links the identity that another issuer gave a user, so that the issuer's tokens sign this user in.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor is a superuser; [`Error::Conflict`] when the identity is linked
    /// already; [`Error::NotFound`] when there is no such user.
    pub async fn link_identity(&self, actor: &Actor, id: UserId, issuer: &str, subject: &str) -> Result<()> {
        actor.require_superuser("link identities")?;
        let mut write = self.0.control().begin().await?;
        super::link_identity(&mut write, &actor.by(), id, issuer, subject).await?;
        write.commit().await
    }

    /// Unlocks an account that was locked after failed sign-ins (`account-enumeration`), and returns the user.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such user, and if the actor is not staff.
    pub async fn unlock(&self, actor: &Actor, id: UserId) -> Result<User> {
        actor.require_staff()?;
        let mut write = self.0.control().begin().await?;
        super::unlock(&mut write, &actor.by(), id).await?;
        let user = super::by_id(&mut write, id).await?;
        write.commit().await?;
        Ok(user)
    }
}
