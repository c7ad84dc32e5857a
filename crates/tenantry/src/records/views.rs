//! Saved views of a list: named conditions, order and columns, in the form in which the address of a list contains
//! them.
//!
//! Views are rows of the control store, like memberships (`docs/decisions/views.md`). A view belongs to the member who
//! made it, and that member may share it with the tenant. The platform stores the query without interpreting it. If a
//! migration makes a query wrong, the view remains, and the handlers that show it report what is wrong.

use super::{Records, Scope};
use crate::{
    Error, Result,
    access::{Tenant, gates::Verb},
    control::{Control, Write, params},
    error::{FieldError, Rule, Wrong},
    users::{self, count},
};
use serde_json::json;
use tenantry_engine::{
    SqlRow, Tx,
    name::{ModelName, TenantId, UserId},
    value::Value,
};

/// Largest number of views of a user for one model.
const PER_USER: i64 = 50;
/// Largest number of views of one model that the members of a tenant share.
const SHARED: i64 = 200;
/// Maximum number of characters in a name.
const NAME_CHARS: usize = 80;
/// Maximum number of bytes in a query.
const QUERY_BYTES: usize = 4096;

/// A saved view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Id of the view.
    pub id: i64,
    /// Name, unique among the views of its owner for the model.
    pub name: String,
    /// Conditions, search, order and columns, as in the address of a list.
    pub query: String,
    /// True if all members who may read the model see the view.
    pub is_shared: bool,
    /// True if the actor made the view.
    pub is_own: bool,
    /// Name of the member who made the view; `None` if that member has left.
    pub owner: Option<String>,
    /// True if the actor may change and delete the view.
    pub may_change: bool,
    /// True if the actor's list of the model opens with the view.
    pub is_default: bool,
}

/// A view to save.
#[derive(Debug, Clone, Default)]
pub struct NewView {
    /// Name, 1 to 80 characters.
    pub name: String,
    /// Query of a list.
    pub query: String,
    /// True if all members who may read the model see the view.
    pub is_shared: bool,
    /// True if the actor's list of the model opens with the view.
    pub is_default: bool,
}

/// Changes of a view. A field with `None` stays unchanged.
#[derive(Debug, Clone, Default)]
pub struct ViewChange {
    /// New name.
    pub name: Option<String>,
    /// Query of a list.
    pub query: Option<String>,
    /// Whether all members who may read the model see the view.
    pub is_shared: Option<bool>,
    /// Whether the actor's list of the model opens with the view.
    pub is_default: Option<bool>,
}

/// The saved views of one model in one tenant that one actor sees.
pub struct Views<'a> {
    control: &'a Control,
    tenant: &'a Tenant,
    model: &'a ModelName,
}

impl Records<'_> {
    /// Returns the saved views of the model.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor may read the model; [`Error::NotFound`] outside of a tenant.
    pub fn views(&self) -> Result<Views<'_>> {
        let Scope::Tenant(tenant) = self.scope else { return Err(Error::NotFound("view")) };
        self.allow(Verb::Read)?;
        Ok(Views { control: &self.inner.control, tenant, model: &self.entry.model.name })
    }
}

impl Views<'_> {
    /// Returns the actor's own views and the shared ones, ordered by name.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn list(&self) -> Result<Vec<View>> {
        self.find(&mut self.control.snapshot().await?, None).await
    }

    /// Saves a view.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] for an API key; [`Error::InvalidFields`] if the name or the query is invalid, or the
    /// actor has another view of the model with this name; and [`Error::Conflict`] if there are too many views.
    pub async fn create(&self, new: &NewView) -> Result<View> {
        let owner = self.owner()?;
        let change = ViewChange {
            name: Some(new.name.clone()),
            query: Some(new.query.clone()),
            ..ViewChange::default()
        };
        check(&change)?;
        let mut write = self.control.begin().await?;
        self.refuse_taken(&mut write, &new.name, Some(owner), 0).await?;
        self.refuse_more(&mut write, owner).await?;
        if new.is_shared {
            self.refuse_full(&mut write).await?;
        }
        let sql = "INSERT INTO views (tenant, model, owner, name, query, shared) VALUES (?, ?, ?, ?, ?, ?) RETURNING id";
        let values = params![
            self.id().get(),
            self.model.as_str(),
            owner.get(),
            new.name.trim(),
            new.query.as_str(),
            i64::from(new.is_shared)
        ];
        let rows = write.query(sql, values).await?;
        let id = rows.first().ok_or_else(|| Error::Internal("no id for a new view".into()))?.integer(0)?;
        if new.is_default {
            self.set_default(&mut write, owner, id, true).await?;
        }
        self.done(write, "view.create", id).await
    }

    /// Changes a view. Managers may change every shared view. Every member may make a shared view the default of their
    /// own list.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor sees no such view; [`Error::Denied`] if it is another member's; and the
    /// errors of [`Views::create`].
    pub async fn change(&self, id: i64, change: &ViewChange) -> Result<View> {
        let user = self.owner()?;
        check(change)?;
        let mut write = self.control.begin().await?;
        let found = self.one(&mut write, id).await?;
        let changes_view = change.name.is_some() || change.query.is_some() || change.is_shared.is_some();
        if changes_view && !found.may_change {
            return Err(Error::Denied(
                "the view is another member's: save it under a name of your own".into(),
            ));
        }
        let is_shared = change.is_shared.unwrap_or(found.is_shared);
        // If the owner of a shared view has left, the actor who stops sharing it becomes its owner.
        let before = self.owner_of(&mut write, id).await?;
        let owner = before.or((!is_shared).then_some(user));
        if before.is_none() && owner.is_some() {
            self.refuse_more(&mut write, user).await?;
        }
        if change.name.is_some() || is_shared != found.is_shared {
            let name = change.name.as_ref().unwrap_or(&found.name);
            self.refuse_taken(&mut write, name, owner, id).await?;
        }
        match (found.is_shared, is_shared) {
            (false, true) => self.refuse_full(&mut write).await?,
            (true, false) => unshare(&mut write, id, owner.unwrap_or(user)).await?,
            _ => {}
        }
        let sql = "UPDATE views SET name = coalesce(?, name), query = coalesce(?, query), shared = ?, owner = ? \
                   WHERE id = ?";
        let (name, owner) = (change.name.as_deref().map(str::trim), owner.map(UserId::get));
        let values = params![name, change.query.as_deref(), i64::from(is_shared), owner, id];
        write.execute(sql, values).await?;
        if let Some(is_default) = change.is_default {
            self.set_default(&mut write, user, id, is_default).await?;
        }
        self.done(write, "view.change", id).await
    }

    /// Refuses a further view of a member who has as many as one may have.
    async fn refuse_more(&self, write: &mut Write, owner: UserId) -> Result<()> {
        let sql = "SELECT count(*) FROM views WHERE tenant = ? AND model = ? AND owner = ?";
        let of_owner = params![self.id().get(), self.model.as_str(), owner.get()];
        match count(write, sql, of_owner).await? >= PER_USER {
            true => Err(Error::Conflict(format!(
                "you have {PER_USER} views of these records already; delete one first"
            ))),
            false => Ok(()),
        }
    }

    /// Deletes a view. Managers may delete every shared view.
    ///
    /// # Errors
    /// Returns the errors of [`Views::change`].
    pub async fn delete(&self, id: i64) -> Result<()> {
        self.owner()?;
        let mut write = self.control.begin().await?;
        if !self.one(&mut write, id).await?.may_change {
            return Err(Error::Denied("the view is another member's".into()));
        }
        write.execute("DELETE FROM view_defaults WHERE view = ?", params![id]).await?;
        write.execute("DELETE FROM views WHERE id = ?", params![id]).await?;
        write.audit(&self.tenant.actor().by(), Some(self.id()), "view.delete", json!({ "view": id })).await?;
        write.commit().await
    }

    fn id(&self) -> TenantId {
        self.tenant.id()
    }

    /// Returns the user who owns the views that the actor makes.
    fn owner(&self) -> Result<UserId> {
        let user = self.tenant.actor().user_id();
        user.ok_or_else(|| Error::Denied("an API key has no views of its own: sign in as a member".into()))
    }

    async fn find(&self, tx: &mut Tx, id: Option<i64>) -> Result<Vec<View>> {
        let user = self.tenant.actor().user_id().map_or(0, UserId::get);
        let sql = "SELECT v.id, v.name, v.query, v.shared, v.owner, u.name, d.view FROM views v \
            LEFT JOIN users u ON u.id = v.owner \
            LEFT JOIN view_defaults d ON d.view = v.id AND d.user_id = ?3 AND d.tenant = ?1 AND d.model = ?2 \
            WHERE v.tenant = ?1 AND v.model = ?2 AND (v.owner = ?3 OR v.shared = 1) AND (v.id = ?4 OR ?4 IS NULL) \
            ORDER BY v.name, v.id";
        let rows = tx.query(sql, params![self.id().get(), self.model.as_str(), user, id]).await?;
        let manages = self.tenant.require_manager().is_ok();
        rows.iter().map(|row| view(row, user, manages)).collect()
    }

    /// Returns a view that the actor sees.
    async fn one(&self, tx: &mut Tx, id: i64) -> Result<View> {
        self.find(tx, Some(id)).await?.pop().ok_or(Error::NotFound("view"))
    }

    async fn owner_of(&self, tx: &mut Tx, id: i64) -> Result<Option<UserId>> {
        let rows = tx.query("SELECT owner FROM views WHERE id = ?", params![id]).await?;
        Ok(rows.first().map(|row| row.opt_integer(0)).transpose()?.flatten().map(UserId::from_raw))
    }

    /// Refuses a name that the owner has given to another view of the model.
    async fn refuse_taken(&self, tx: &mut Tx, name: &str, owner: Option<UserId>, id: i64) -> Result<()> {
        let sql = "SELECT count(*) FROM views WHERE tenant = ? AND model = ? AND coalesce(owner, 0) = ? AND name = ? AND id <> ?";
        let owner = owner.map_or(0, UserId::get);
        let values: &[Value] = params![self.id().get(), self.model.as_str(), owner, name.trim(), id];
        match count(tx, sql, values).await? {
            0 => Ok(()),
            _ => Err(Error::InvalidFields(vec![FieldError::new(
                "name",
                Rule::Taken,
                "is the name of another view of these records",
            )])),
        }
    }

    async fn refuse_full(&self, tx: &mut Tx) -> Result<()> {
        let sql = "SELECT count(*) FROM views WHERE tenant = ? AND model = ? AND shared = 1";
        match count(tx, sql, params![self.id().get(), self.model.as_str()]).await? {
            SHARED.. => Err(Error::Conflict(format!("{SHARED} views of these records are shared already"))),
            _ => Ok(()),
        }
    }

    async fn set_default(&self, write: &mut Write, user: UserId, id: i64, is_default: bool) -> Result<()> {
        let key = params![self.id().get(), user.get(), self.model.as_str()];
        let (which, mut values) = (" AND view = ?", key.to_vec());
        if is_default {
            write.execute(DROP_DEFAULT, key).await?;
            values.push(Value::Integer(id));
            let sql = "INSERT INTO view_defaults (tenant, user_id, model, view) VALUES (?, ?, ?, ?)";
            write.execute(sql, &values).await?;
            return Ok(());
        }
        values.push(Value::Integer(id));
        write.execute(&format!("{DROP_DEFAULT}{which}"), &values).await?;
        Ok(())
    }

    /// Records the change in the audit log without the view's name, commits, and returns the view.
    async fn done(&self, mut write: Write, action: &str, id: i64) -> Result<View> {
        write.audit(&self.tenant.actor().by(), Some(self.id()), action, json!({ "view": id })).await?;
        let view = self.one(&mut write, id).await?;
        write.commit().await?;
        Ok(view)
    }
}

const DROP_DEFAULT: &str = "DELETE FROM view_defaults WHERE tenant = ? AND user_id = ? AND model = ?";

/// Handles the views of a member who leaves a tenant: deletes private views, and keeps shared views without an owner.
pub(crate) async fn end(write: &mut Write, user: UserId, tenant: TenantId) -> Result<()> {
    let values = params![tenant.get(), user.get()];
    for sql in [
        "DELETE FROM view_defaults WHERE tenant = ? AND user_id = ?",
        "DELETE FROM views WHERE tenant = ? AND owner = ? AND shared = 0",
        "UPDATE views SET owner = NULL WHERE tenant = ? AND owner = ?",
    ] {
        write.execute(sql, values).await?;
    }
    Ok(())
}

/// Removes a view as the default of all members except its owner.
async fn unshare(write: &mut Write, id: i64, owner: UserId) -> Result<()> {
    let sql = "DELETE FROM view_defaults WHERE view = ? AND user_id <> ?";
    write.execute(sql, params![id, owner.get()]).await?;
    Ok(())
}

fn view(row: &SqlRow, user: i64, manages: bool) -> Result<View> {
    let (is_shared, owner) = (row.integer(3)? == 1, row.opt_integer(4)?);
    let is_own = owner == Some(user);
    Ok(View {
        id: row.integer(0)?,
        name: row.text(1)?.to_owned(),
        query: row.text(2)?.to_owned(),
        is_shared,
        is_own,
        owner: row.opt_text(5)?.map(str::to_owned),
        may_change: is_own || (is_shared && manages),
        is_default: row.opt_integer(6)?.is_some(),
    })
}

fn check(change: &ViewChange) -> Result<()> {
    let mut wrong = Wrong::default();
    if let Some(name) = &change.name {
        if !(1..=NAME_CHARS).contains(&name.trim().chars().count()) {
            wrong.add(FieldError::new("name", Rule::Value, format!("write 1 to {NAME_CHARS} characters")));
        }
        if name.contains(char::is_control) {
            wrong.add(FieldError::new("name", Rule::Value, "must not contain control characters"));
        }
        wrong.take(users::check_shown("name", name))?;
    }
    if let Some(query) = &change.query
        && (query.len() > QUERY_BYTES || query.contains(char::is_control))
    {
        let reason = format!("at most {QUERY_BYTES} bytes, without control characters");
        wrong.add(FieldError::new("query", Rule::Value, reason));
    }
    wrong.finish()
}
