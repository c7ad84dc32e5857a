//! Rate limits of the public endpoints: failed sign-ins per network and per account, registrations per network, letters
//! per recipient, invitations per tenant (`account-enumeration`).
//!
//! Called before any work is done. Memory is fixed: keys are hashed with a secret seed into a table, so a flood of
//! invented names can neither grow the table nor choose which keys it collides with. An attempt is charged when it
//! starts and given back when it succeeds, so that parallel guesses are all counted. The limits do not depend on
//! whether an account exists, except that an existing account may have known networks.

use crate::access::gcra::{Gcra, Rate, refused};
use crate::{Result, audit::By};
use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    time::{Duration, Instant},
};
use tenantry_engine::name::{TenantId, UserId};

/// Number of cells in one table, which takes half a megabyte.
const CELLS: usize = 1 << 16;

/// Number of denied actions of one caller that are recorded per hour.
const DENIALS_PER_HOUR: u32 = 10;
/// Number of failed sign-ins of one account that are recorded by name per hour. Unknown accounts count as one account.
const REFUSALS_PER_HOUR: u32 = 10;
/// Number of failed sign-ins that are recorded by name per hour, over all accounts.
const ALL_REFUSALS_PER_HOUR: u32 = 120;
/// Seconds after which a network that used up its guesses at one account gets another guess.
const ANOTHER_GUESS_SECONDS: u64 = 600;

/// Rates of the public endpoints. A rate of 0 counts as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paces {
    /// Number of failed sign-ins per network and minute.
    pub login_per_minute: u32,
    /// Number of failed sign-ins at one account from one network, after which only one attempt in ten minutes has a
    /// chance; 0 for no such limit.
    pub lock_after: u32,
    /// Number of failed sign-ins per account and hour, from all networks together from which the account never signed
    /// in.
    pub guesses_per_hour: u32,
    /// Number of registrations per network and hour.
    pub registration_per_hour: u32,
    /// Number of invitations per tenant and hour.
    pub invitations_per_hour: u32,
}

/// The limiters of the public endpoints.
#[derive(Debug)]
pub struct Doors {
    accounts: Table,
    guesses: Option<Table>,
    addresses: Table,
    registrations: Table,
    denials: Table,
    refusals: Table,
    all_refusals: Table,
    invitations: Table,
    links: Table,
}

/// A sign-in attempt that was charged.
#[must_use = "an attempt that succeeded is given back"]
pub struct Attempt<'a> {
    doors: &'a Doors,
    network: Option<IpAddr>,
    account: Option<Account>,
}

/// The account that an attempt names, as the limiters know it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    email: String,
    unlocks: i64,
}

impl Account {
    /// Identifies the account of this address. `unlocks` is the number of times the account was unlocked; each unlock
    /// resets all limits.
    pub fn new(email: &str, unlocks: i64) -> Self {
        Self { email: crate::users::normal_email(email), unlocks }
    }
}

impl Doors {
    /// Creates limiters with these rates.
    pub fn new(paces: Paces) -> Self {
        let another = Rate { step_ns: ANOTHER_GUESS_SECONDS * 1_000_000_000, burst: paces.lock_after };
        Self {
            accounts: Table::new(Rate::per(paces.guesses_per_hour, 3600), CELLS),
            guesses: (paces.lock_after > 0).then(|| Table::new(another, CELLS)),
            addresses: Table::new(Rate::per(paces.login_per_minute, 60), CELLS),
            registrations: Table::new(Rate::per(paces.registration_per_hour, 3600), CELLS),
            denials: Table::new(Rate::per(DENIALS_PER_HOUR, 3600), CELLS),
            refusals: Table::new(Rate::per(REFUSALS_PER_HOUR, 3600), CELLS),
            all_refusals: Table::new(Rate::per(ALL_REFUSALS_PER_HOUR, 3600), 1),
            invitations: Table::new(Rate::per(paces.invitations_per_hour, 3600), CELLS),
            links: Table::new(Rate::per(paces.login_per_minute, 60), CELLS),
        }
    }

    /// Charges a sign-in attempt to its network. The caller then calls [`Attempt::at`], so a refused network uses up
    /// none of an account's attempts.
    ///
    /// # Errors
    /// Returns [`crate::Error::RateLimited`] when the network has used up its attempts.
    pub fn sign_in(&self, address: Option<IpAddr>) -> Result<Attempt<'_>> {
        let network = address.map(network);
        if let Some(network) = &network {
            self.addresses.take(network)?;
        }
        Ok(Attempt { doors: self, network, account: None })
    }

    /// Returns true if another denied action of this caller is to be recorded. The limit keeps a flood from filling the
    /// log.
    pub(in crate::access) fn denial(&self, by: &By) -> bool {
        self.denials.take(&(&by.actor, &by.impersonator)).is_ok()
    }

    /// Returns true if another failed sign-in at this account is to be recorded by name.
    pub(in crate::access) fn refusal(&self, user: Option<UserId>) -> bool {
        self.refusals.take(&user.map(UserId::get)).is_ok() && self.all_refusals.take(&()).is_ok()
    }

    /// Charges a registration.
    ///
    /// # Errors
    /// Returns [`crate::Error::RateLimited`] when the network has used up its registrations.
    pub fn register(&self, address: Option<IpAddr>) -> Result<()> {
        address.map_or(Ok(()), |address| self.registrations.take(&network(address)))
    }
}

impl Doors {
    /// Charges an invitation that a tenant sends.
    ///
    /// # Errors
    /// Returns [`crate::Error::RateLimited`] if the limit is used up.
    pub(crate) fn invitation(&self, tenant: TenantId) -> Result<()> {
        self.invitations.take(&tenant.get())
    }

    /// Charges a request that asks for a link or follows one.
    ///
    /// # Errors
    /// Returns [`crate::Error::RateLimited`] if the limit is used up.
    pub(crate) fn link(&self, address: Option<IpAddr>) -> Result<()> {
        address.map_or(Ok(()), |address| self.links.take(&network(address)))
    }
}

/// The rate of letters to one address, separate for each kind of letter, so that requests of one kind delay no other.
///
/// A letter is charged when it is to be sent, not when it is requested. No answer depends on the charge, so no answer
/// reveals whether an address has an account or gets letters from other requests.
pub(crate) struct Letters(Table);

impl Letters {
    /// Longest wait for which a slot is reserved.
    const LONGEST: Duration = Duration::from_secs(12 * 3600);

    /// Allows this number of letters of one kind per address and hour.
    pub(crate) fn new(per_hour: u32) -> Self {
        Self(Table::new(Rate::per(per_hour, 3600), CELLS))
    }

    /// Reserves the next free slot for a letter. Returns the wait until then, or `None` if it is too long. Letters to
    /// the `holder` of the address have their own slots.
    pub(crate) fn reserve(&self, kind: &str, address: &str, holder: bool) -> Option<Duration> {
        let table = &self.0;
        table.cell(&(kind, address, holder)).reserve(table.rate, table.now_ns(), Self::LONGEST)
    }

    /// Gives back the slot of a letter that is not sent.
    pub(crate) fn give_back(&self, kind: &str, address: &str, holder: bool) {
        self.0.give_back(&(kind, address, holder));
    }
}

impl Attempt<'_> {
    /// Charges the attempt to the account that it names, unless it comes from a network that the account knows:
    /// attempts from other networks never slow such a network down. Returns true if the attempt has a chance. A network
    /// that used up its guesses at this account has no chance, whatever it sends, and uses up none of the account's
    /// attempts.
    ///
    /// # Errors
    /// Returns [`crate::Error::RateLimited`] if all unknown networks together have used up the account's guesses.
    pub fn at(&mut self, account: Account, known: bool) -> Result<bool> {
        if known {
            return Ok(true);
        }
        let guesses = self.doors.guesses.as_ref().zip(self.network);
        if guesses.is_some_and(|(table, network)| table.take(&(&account, network)).is_err()) {
            return Ok(false);
        }
        if let Err(refused) = self.doors.accounts.take(&account) {
            if let Some((table, network)) = guesses {
                table.give_back(&(&account, network));
            }
            return Err(refused);
        }
        self.account = Some(account);
        Ok(true)
    }

    /// Gives the attempt back, because the password was right.
    pub fn succeeded(self) {
        if let Some(network) = &self.network {
            self.doors.addresses.give_back(network);
        }
        let Some(account) = &self.account else { return };
        self.doors.accounts.give_back(account);
        if let Some((table, network)) = self.doors.guesses.as_ref().zip(self.network) {
            table.give_back(&(account, network));
        }
    }
}

/// Returns the network of an address. An IPv6 customer has a /64, so all its addresses count as one network.
pub(in crate::access) fn network(address: IpAddr) -> IpAddr {
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
        // The remainder fits into `usize`: it is below the number of cells.
        &self.cells[(self.seed.hash_one(key) % self.cells.len() as u64) as usize]
    }

    fn take(&self, key: &impl Hash) -> Result<()> {
        self.cell(key).take(self.rate, self.now_ns()).map_err(refused)
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX / 2)
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
