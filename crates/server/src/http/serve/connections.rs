//! All connections of one server: how many are allowed, in total and from one address, and which one makes room.
//!
//! The serve loop asks it for each connection. At a limit, the connection that has waited longest for its client is
//! closed in favour of the new one: it is idle, or its request waits for more of its body. If all are busy, the new
//! connection is refused. Connections of trusted proxies count only towards the total.

use super::link::Link;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::task::AbortHandle;

/// Length of the part of an IPv6 address that identifies a machine or one network of a household, in bytes: a /64.
const NETWORK_BYTES: usize = 8;
/// Length of the part of an IPv6 address that identifies a site, in bytes. A /48 contains all networks that a provider
/// gives to one customer.
const SITE_BYTES: usize = 6;
/// Number of connections that a site may have for each connection that one of its networks may have.
const SITE_SHARE: usize = 4;

/// The connections of a server and their limits.
#[derive(Debug)]
pub(super) struct Connections {
    total: usize,
    per_address: usize,
    per_site: usize,
    members: Mutex<Members>,
    /// Time in steps of the serve loop's upkeep.
    clock: AtomicU64,
    /// Number of refused connections.
    pub(super) refused: AtomicU64,
    /// Number of connections closed to make room.
    pub(super) displaced: AtomicU64,
}

#[derive(Debug, Default)]
struct Members {
    next: u64,
    all: HashMap<u64, Member>,
    by_network: HashMap<Network, usize>,
}

#[derive(Debug)]
struct Member {
    link: Arc<Link>,
    networks: [Option<Network>; 2],
    task: Option<AbortHandle>,
}

/// Addresses whose connections are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    /// An IPv4 address, or a /64 of IPv6.
    Address(IpAddr),
    /// A /48 of IPv6.
    Site(IpAddr),
}

/// Permission for one connection. It is returned on drop.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    id: u64,
}

impl Connections {
    /// Allows at most `total` connections, and `per_address` from one address. A site may have more than an address,
    /// but at most half of all connections, unless a single address may have more than that.
    pub(super) fn new(total: usize, per_address: usize) -> Self {
        let per_address = per_address.max(1);
        Self {
            total: total.max(1),
            per_address,
            per_site: per_address.saturating_mul(SITE_SHARE).min(total / 2).max(per_address),
            members: Mutex::default(),
            clock: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            displaced: AtomicU64::new(0),
        }
    }

    /// Returns the current time, in steps of the upkeep.
    pub(super) fn now(&self) -> u64 {
        self.clock.load(Relaxed)
    }

    /// Advances the time by one step.
    pub(super) fn tick(&self) {
        self.clock.fetch_add(1, Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a place for a connection from `address`, which is `None` for a peer that is not counted by address.
    /// Returns `None` if every connection that could make room is busy.
    pub(super) fn admit(self: &Arc<Self>, address: Option<IpAddr>, link: &Arc<Link>) -> Option<Place> {
        let networks = address.map_or([None; 2], networks);
        let mut members = self.lock();
        let full =
            networks.into_iter().flatten().find(|network| members.count(*network) >= self.most(*network));
        if full.is_some() || members.all.len() >= self.total {
            if !members.close_longest_waiting(full) {
                self.refused.fetch_add(1, Relaxed);
                return None;
            }
            self.displaced.fetch_add(1, Relaxed);
        }
        let id = members.add(Member { link: link.clone(), networks, task: None });
        Some(Place { connections: self.clone(), id })
    }

    fn most(&self, network: Network) -> usize {
        match network {
            Network::Address(_) => self.per_address,
            Network::Site(_) => self.per_site,
        }
    }

    /// Sets the task that serves the connection of `place`. To make room, this task is aborted.
    pub(super) fn serves(&self, place: u64, task: AbortHandle) {
        match self.lock().all.get_mut(&place) {
            Some(member) => member.task = Some(task),
            // The connection has ended, or was closed before it started.
            None => task.abort(),
        }
    }
}

impl Members {
    fn add(&mut self, member: Member) -> u64 {
        self.next += 1;
        for network in member.networks.into_iter().flatten() {
            *self.by_network.entry(network).or_default() += 1;
        }
        self.all.insert(self.next, member);
        self.next
    }

    fn remove(&mut self, id: u64) -> Option<Member> {
        let member = self.all.remove(&id)?;
        for network in member.networks.into_iter().flatten() {
            if let Some(count) = self.by_network.get_mut(&network) {
                *count -= 1;
                if *count == 0 {
                    self.by_network.remove(&network);
                }
            }
        }
        Some(member)
    }

    fn count(&self, network: Network) -> usize {
        self.by_network.get(&network).copied().unwrap_or(0)
    }

    /// Closes the connection that has waited longest for its client, among those from `network` if one is given.
    fn close_longest_waiting(&mut self, network: Option<Network>) -> bool {
        let is_one = |member: &Member| network.is_none() || member.networks.contains(&network);
        let all = self.all.iter().filter(|(_, member)| is_one(member));
        // Of two connections that have waited equally long, take the older one. Ids grow, so it has the smaller id.
        let longest =
            all.filter_map(|(id, member)| member.link.waiting_since().map(|since| (since, *id))).min();
        let Some((since, id)) = longest else { return false };
        let closed = self.all.get(&id).is_some_and(|member| member.link.close(since));
        if closed && let Some(task) = self.remove(id).and_then(|member| member.task) {
            task.abort();
        }
        closed
    }
}

impl Place {
    /// Returns the id of the place, for [`Connections::serves`].
    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.lock().remove(self.id);
    }
}

/// Returns the networks under which connections from an address are counted.
fn networks(address: IpAddr) -> [Option<Network>; 2] {
    let prefix = |address: Ipv6Addr, bytes: usize| {
        let mut octets = address.octets();
        octets[bytes..].fill(0);
        IpAddr::from(octets)
    };
    match address.to_canonical() {
        IpAddr::V6(address) => [
            Some(Network::Address(prefix(address, NETWORK_BYTES))),
            Some(Network::Site(prefix(address, SITE_BYTES))),
        ],
        v4 => [Some(Network::Address(v4)), None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(connections: &Arc<Connections>, address: &str) -> Option<(Place, Arc<Link>)> {
        let link = Arc::new(Link::new(connections.now()));
        connections.tick();
        Some((connections.admit(Some(address.parse().unwrap()), &link)?, link))
    }

    #[test]
    fn one_address_displaces_its_own_and_never_others() {
        let connections = Arc::new(Connections::new(10, 2));
        let (_other, others) = enter(&connections, "192.0.2.1").unwrap();
        let (_first, first) = enter(&connections, "2001:db8::1").unwrap();
        let (_second, second) = enter(&connections, "2001:db8::2:1").unwrap();
        let (_third, third) = enter(&connections, "2001:db8::3").unwrap();
        assert_eq!(first.waiting_since(), None, "the one that was idle for longest makes room");
        assert!(others.waiting_since().is_some() && second.waiting_since().is_some());
        assert!(second.close(second.waiting_since().unwrap()) && third.close(third.waiting_since().unwrap()));
        assert!(enter(&connections, "2001:db8::4").is_none(), "none of this address is idle");
        assert!(enter(&connections, "2001:db8:0:1::4").is_some(), "another /64 is another address");
    }

    #[test]
    fn a_site_of_many_networks_takes_no_more_than_half() {
        let connections = Arc::new(Connections::new(20, 4));
        let (_other, other) = enter(&connections, "2001:db8:1::1").unwrap();
        let site: Vec<_> =
            (0..30).filter_map(|n| enter(&connections, &format!("2001:db8:0:{n:x}::1"))).collect();
        let open = site.iter().filter(|(_, link)| link.waiting_since().is_some()).count();
        assert_eq!(open, 10, "each network has one connection, the site as many as it may");
        assert!(other.waiting_since().is_some(), "another site is not affected");
    }

    #[test]
    fn a_full_server_closes_the_longest_waiting_and_refuses_when_all_work() {
        let connections = Arc::new(Connections::new(2, 2));
        let (first, a) = enter(&connections, "192.0.2.1").unwrap();
        let (_second, b) = enter(&connections, "192.0.2.2").unwrap();
        assert!(enter(&connections, "192.0.2.3").is_some_and(|_| a.waiting_since().is_none()));
        drop(first);
        assert!(b.close(b.waiting_since().unwrap()));
        let (_third, c) = enter(&connections, "192.0.2.3").unwrap();
        assert!(c.close(c.waiting_since().unwrap()));
        assert!(enter(&connections, "192.0.2.4").is_none());
        assert_eq!(connections.refused.load(Relaxed), 1);
    }
}
