//! How often at the public doors: failed log-ins per account and per address, registrations per
//! address, letters per recipient and tenant (threat 41).
//!
//! Called before any work is done. Memory is fixed: keys are folded with a secret seed into a table,
//! so that a flood of invented names can neither grow it nor choose whom it collides with. An attempt is
//! charged when it starts and given back when it succeeds, so that parallel guesses are all counted.

use super::gcra::{Gcra, Rate, refused};
use crate::Result;
use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    time::Instant,
};
use tenantry_engine::name::TenantId;

/// Cells of one table: half a megabyte.
const CELLS: usize = 1 << 16;

/// Denied acts of one caller that are written down each hour.
const DENIALS_PER_HOUR: u32 = 10;

/// The paces of the public doors; 0 counts as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paces {
    /// Failed log-ins per account and minute, and as many per address.
    pub login_per_minute: u32,
    /// Registrations per address and hour.
    pub registration_per_hour: u32,
    /// Letters to one e-mail address each hour.
    pub letters_per_hour: u32,
    /// Invitations of one tenant each hour.
    pub invitations_per_hour: u32,
}

/// The limiters of the public doors.
#[derive(Debug)]
pub struct Doors {
    accounts: Table,
    addresses: Table,
    registrations: Table,
    denials: Table,
    letters: Table,
    invitations: Table,
    links: Table,
}

/// A log-in attempt that was charged.
#[must_use = "an attempt that succeeded is given back"]
pub struct Attempt<'a> {
    doors: &'a Doors,
    account: String,
    address: Option<IpAddr>,
}

impl Doors {
    /// With these paces.
    pub fn new(paces: Paces) -> Self {
        Self {
            accounts: Table::new(Rate::per(paces.login_per_minute, 60), CELLS),
            addresses: Table::new(Rate::per(paces.login_per_minute, 60), CELLS),
            registrations: Table::new(Rate::per(paces.registration_per_hour, 3600), CELLS),
            denials: Table::new(Rate::per(DENIALS_PER_HOUR, 3600), CELLS),
            letters: Table::new(Rate::per(paces.letters_per_hour, 3600), CELLS),
            invitations: Table::new(Rate::per(paces.invitations_per_hour, 3600), CELLS),
            links: Table::new(Rate::per(paces.login_per_minute, 60), CELLS),
        }
    }

    /// Charges a log-in attempt. The address comes first, so that an address that is refused uses
    /// up no account's attempts.
    ///
    /// # Errors
    /// [`crate::Error::RateLimited`]
    pub fn login(&self, account: &str, address: Option<IpAddr>) -> Result<Attempt<'_>> {
        let address = address.map(network);
        if let Some(address) = &address {
            self.addresses.take(address)?;
        }
        let account = crate::users::normal_email(account);
        self.accounts.take(&account)?;
        Ok(Attempt { doors: self, account, address })
    }

    /// Whether another denied act of this caller is to be written down: a flood of them must not fill the log.
    pub(super) fn denial(&self, label: &str) -> bool {
        self.denials.take(&label).is_ok()
    }

    /// Charges a registration.
    ///
    /// # Errors
    /// [`crate::Error::RateLimited`]
    pub fn register(&self, address: Option<IpAddr>) -> Result<()> {
        address.map_or(Ok(()), |address| self.registrations.take(&network(address)))
    }
}

impl Doors {
    /// Charges a letter to an e-mail address.
    ///
    /// # Errors
    /// [`crate::Error::RateLimited`]
    pub(crate) fn letter(&self, email: &str) -> Result<()> {
        self.letters.take(&email)
    }

    /// Charges an invitation that a tenant sends.
    ///
    /// # Errors
    /// [`crate::Error::RateLimited`]
    pub(crate) fn invitation(&self, tenant: TenantId) -> Result<()> {
        self.invitations.take(&tenant.get())
    }

    /// Charges a request that asks for a link or follows one.
    ///
    /// # Errors
    /// [`crate::Error::RateLimited`]
    pub(crate) fn link(&self, address: Option<IpAddr>) -> Result<()> {
        address.map_or(Ok(()), |address| self.links.take(&network(address)))
    }
}

impl Attempt<'_> {
    /// The password was right: the attempt does not count.
    pub fn succeeded(self) {
        self.doors.accounts.give_back(&self.account);
        if let Some(address) = &self.address {
            self.doors.addresses.give_back(address);
        }
    }
}

/// An IPv6 customer holds a /64: its addresses are one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

struct Table {
    cells: Box<[Gcra]>,
    rate: Rate,
    seed: RandomState,
    start: Instant,
}

impl Table {
    fn new(rate: Rate, cells: usize) -> Self {
        let cells = (0..cells).map(|_| Gcra::default()).collect();
        Self { cells, rate, seed: RandomState::new(), start: Instant::now() }
    }

    fn cell(&self, key: &impl Hash) -> &Gcra {
        // The remainder fits: it is below the number of cells.
        &self.cells[(self.seed.hash_one(key) % self.cells.len() as u64) as usize]
    }

    fn take(&self, key: &impl Hash) -> Result<()> {
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX / 2);
        self.cell(key).take(self.rate, now).map_err(refused)
    }

    fn give_back(&self, key: &impl Hash) {
        self.cell(key).give_back(self.rate);
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({} cells, {:?})", self.cells.len(), self.rate)
    }
}
