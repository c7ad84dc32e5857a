//! Checklist of the things that an installation lacks before people work with it: plans, shared data, mail, backups, a
//! second superuser.
//!
//! The pages, the API and the command line of staff call it. It checks the real state each time; nothing is ticked by
//! hand.

use super::attention::Level;
use crate::{
    Error, Platform, Result,
    access::{Actor, passwords::Password},
    platform::{demo, loaded::ModelEntry},
    users::Only,
};
use serde::Serialize;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tenantry_engine::{name::FieldName, query::Select, row::Collect};

/// Largest number of demo accounts that are checked.
const DEMO_ACCOUNTS: usize = 20;

/// Kind of check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// There are plans on offer.
    Plans,
    /// The plan of new tenants is on offer.
    DefaultPlan,
    /// A shared model that tenants refer to has records.
    SharedData,
    /// There is a tenant.
    FirstTenant,
    /// Letters go to a mail server.
    Mail,
    /// Backups are made by a schedule.
    BackupSchedule,
    /// No account has the password of the demo.
    DemoPasswords,
    /// Browsers use https.
    Https,
    /// More than one superuser may sign in.
    SecondSuperuser,
    /// The addresses of accounts are proven.
    Addresses,
}

/// A line of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Kind of check.
    pub check: Check,
    /// True if nothing is left to do.
    pub done: bool,
    /// Urgency if something is left to do.
    pub level: Level,
    /// Number of affected things: accounts, tenants, plans.
    pub count: u64,
    /// Name of the affected model, or the reason why the check failed.
    pub detail: Option<String>,
    /// Command or setting that solves the problem; `None` if there is none.
    pub remedy: Option<String>,
}

/// The accounts that have the password of the demo, as far as they were checked: computing a hash takes long on
/// purpose.
#[derive(Debug, Default)]
pub(crate) struct DemoPasswords {
    /// Addresses of the demo's accounts, with the number of the loaded apps that name them.
    addresses: Mutex<Option<(u64, Arc<[String]>)>>,
    /// True for an account that has the password, by id and number of its credentials.
    seen: Mutex<HashMap<(i64, i64), bool>>,
}

/// The checklist: `platform.checklist()`.
pub struct Checklist<'a>(&'a Platform);

impl Platform {
    /// Returns the checklist of the installation.
    pub fn checklist(&self) -> Checklist<'_> {
        Checklist(self)
    }
}

impl Item {
    fn new(check: Check, level: Level, done: bool, remedy: &str) -> Self {
        Self { check, done, level, count: 0, detail: None, remedy: Some(remedy.to_owned()) }
    }

    fn counted(self, count: u64) -> Self {
        Self { count, ..self }
    }
}

impl Checklist<'_> {
    /// Returns all lines, including those with nothing left to do.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, and the errors of the control store.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<Item>> {
        actor.require_staff()?;
        let mut items = self.plans().await?;
        items.extend(self.shared_data().await);
        items.extend(self.catalog(actor).await?);
        items.extend(self.configuration());
        items.push(self.demo_passwords(actor).await?);
        Ok(items)
    }

    async fn plans(&self) -> Result<Vec<Item>> {
        let plans = self.0.plans().list().await?;
        let offered: Vec<_> = plans.iter().filter(|plan| !plan.archived).collect();
        let default = self.0.config().registration.default_plan.as_str();
        let is_there = offered.iter().any(|plan| plan.spec.code == default);
        let default = Item::new(Check::DefaultPlan, Level::Bad, is_there, "registration.default_plan");
        Ok(vec![
            Item::new(Check::Plans, Level::Bad, !offered.is_empty(), "tenantry plan init")
                .counted(offered.len() as u64),
            Item { detail: Some(self.0.config().registration.default_plan.to_string()), ..default },
        ])
    }

    /// Checks each shared model to which tenants refer.
    async fn shared_data(&self) -> Vec<Item> {
        let loaded = self.0.loaded();
        let mut models: Vec<_> =
            loaded.models.values().filter(|entry| entry.system && !entry.referrers.is_empty()).collect();
        models.sort_by(|a, b| a.model.name.cmp(&b.model.name));
        let mut items = Vec::with_capacity(models.len());
        for entry in models {
            let name = &entry.model.name;
            let remedy = format!("POST /api/records/{name}/import");
            let item = Item::new(Check::SharedData, Level::Bad, true, &remedy);
            items.push(match self.has_records(entry).await {
                Ok(done) => Item { done, detail: Some(name.to_string()), ..item },
                Err(error) => {
                    let why = format!("{name}: {}", error.public_title());
                    Item { done: false, detail: Some(why), remedy: error.remedy(), ..item }
                }
            });
        }
        items
    }

    async fn has_records(&self, entry: &ModelEntry) -> Result<bool> {
        let place = entry.place.as_ref().ok_or(Error::NotFound("store"))?;
        let session = self.0.0.system_session(place, &entry.schema).await?;
        let select = Select { limit: 1, fields: vec![FieldName::parse("id")?], ..Select::default() };
        let (page, _) = session.select(entry.model.name.as_str(), &select, None, Collect::default()).await?;
        Ok(!page.rows.is_empty())
    }

    async fn catalog(&self, actor: &Actor) -> Result<Vec<Item>> {
        let mut tx = self.0.control().snapshot().await?;
        let mut count = async |sql: &str| -> Result<u64> {
            Ok(u64::try_from(crate::users::count(&mut tx, sql, &[]).await?).unwrap_or(0))
        };
        let tenants = count("SELECT count(*) FROM tenants WHERE state <> 'gone'").await?;
        let superusers = count("SELECT count(*) FROM users WHERE is_superuser = 1 AND is_active = 1").await?;
        drop(tx);
        let unproven = self.0.users().count(actor, Only::Unconfirmed).await?;
        let addresses = Item::new(Check::Addresses, Level::Note, unproven == 0, "");
        Ok(vec![
            Item::new(Check::FirstTenant, Level::Warn, tenants > 0, "tenantry tenant create")
                .counted(tenants),
            Item::new(Check::SecondSuperuser, Level::Warn, superusers > 1, "tenantry user create-superuser")
                .counted(superusers),
            Item { remedy: None, ..addresses.counted(unproven) },
        ])
    }

    fn configuration(&self) -> Vec<Item> {
        let config = self.0.config();
        let domain = config.platform.base_domain.as_str();
        let is_local = domain == "localhost" || domain.ends_with(".localhost");
        let schedules = config.backups.schedules.len() as u64;
        vec![
            Item::new(Check::Mail, Level::Warn, config.mail.smtp.is_some(), "mail.smtp"),
            Item::new(Check::BackupSchedule, Level::Warn, schedules > 0, "backups.schedules")
                .counted(schedules),
            Item::new(Check::Https, Level::Warn, config.platform.https || is_local, "platform.https"),
        ]
    }

    async fn demo_passwords(&self, actor: &Actor) -> Result<Item> {
        let mut found = 0;
        for address in self.demo_accounts().iter().take(DEMO_ACCOUNTS) {
            let user = match self.0.users().by_email(actor, address).await {
                Err(Error::NotFound(_)) => continue,
                user => user?,
            };
            let Some(hash) = user.password_hash.as_deref().filter(|_| user.is_active) else { continue };
            let key = (user.id.get(), user.credentials);
            let seen = || self.0.0.demo_passwords.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let known = seen().get(&key).copied();
            let has_it = match known {
                Some(has_it) => has_it,
                None => {
                    let passwords = self.0.access().passwords();
                    let has_it = passwords.verify(Password::new(demo::PASSWORD), Some(hash)).await?;
                    seen().insert(key, has_it);
                    has_it
                }
            };
            found += u64::from(has_it);
        }
        let remedy = "tenantry user set-password";
        Ok(Item::new(Check::DemoPasswords, Level::Bad, found == 0, remedy).counted(found))
    }

    /// Returns the addresses of the accounts that the demo of the loaded apps creates.
    fn demo_accounts(&self) -> Arc<[String]> {
        let loaded = self.0.loaded();
        let mut known = self.0.0.demo_passwords.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((number, addresses)) = &*known
            && *number == loaded.number
        {
            return addresses.clone();
        }
        let demos = loaded.apps.list().iter().filter_map(|app| loaded.apps.demo(app.name.as_str()).ok()?);
        let tenants = demos.flat_map(|demo| demo.tenants).map(|tenant| tenant.email);
        let addresses: Arc<[String]> = std::iter::once(demo::SUPERUSER.to_owned()).chain(tenants).collect();
        *known = Some((loaded.number, addresses.clone()));
        addresses
    }
}
