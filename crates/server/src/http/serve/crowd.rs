//! All connections of one server: how many are allowed, in total and from one address, and which one makes room.
//!
//! The serve loop asks it for each connection. At a limit, the connection that has been idle longest is closed for the
//! new one; if none is idle, the new one is refused. Connections of trusted proxies count in total only.

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

/// Length of the part of an IPv6 address that identifies its owner, bytes: one household or machine has a /64.
const PREFIX_BYTES: usize = 8;

/// The connections of a server and their limits.
#[derive(Debug)]
pub(super) struct Crowd {
    total: usize,
    per_address: usize,
    members: Mutex<Members>,
    /// Time, in steps of the serve loop's upkeep.
    clock: AtomicU64,
    /// Number of refused connections.
    pub(super) refused: AtomicU64,
    /// Number of idle connections closed to make room.
    pub(super) displaced: AtomicU64,
}

#[derive(Debug, Default)]
struct Members {
    next: u64,
    all: HashMap<u64, Member>,
    by_address: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Member {
    link: Arc<Link>,
    address: Option<IpAddr>,
    task: Option<AbortHandle>,
}

/// Permission for one connection; returned on drop.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    id: u64,
}

impl Crowd {
    /// Allows at most `total` connections, and `per_address` from one address.
    pub(super) fn new(total: usize, per_address: usize) -> Self {
        Self {
            total: total.max(1),
            per_address: per_address.max(1),
            members: Mutex::default(),
            clock: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            displaced: AtomicU64::new(0),
        }
    }

    /// Returns the current time, in steps.
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
        let address = address.map(household);
        let mut members = self.lock();
        let here = address.and_then(|address| members.by_address.get(&address)).copied().unwrap_or(0);
        let of_address = address.filter(|_| here >= self.per_address);
        if of_address.is_some() || members.all.len() >= self.total {
            if !members.close_idlest(of_address) {
                self.refused.fetch_add(1, Relaxed);
                return None;
            }
            self.displaced.fetch_add(1, Relaxed);
        }
        let id = members.add(Member { link: link.clone(), address, task: None });
        Some(Place { crowd: self.clone(), id })
    }

    /// Sets the task that serves the connection of `place`; it is aborted to make room.
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
        if let Some(address) = member.address {
            *self.by_address.entry(address).or_default() += 1;
        }
        self.all.insert(self.next, member);
        self.next
    }

    fn remove(&mut self, id: u64) -> Option<Member> {
        let member = self.all.remove(&id)?;
        if let Some(address) = member.address
            && let Some(count) = self.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
        Some(member)
    }

    /// Closes the connection that has been idle longest, among those from `address` if given.
    fn close_idlest(&mut self, address: Option<IpAddr>) -> bool {
        let of_address = |member: &Member| address.is_none() || member.address == address;
        let idle = self.all.iter().filter(|(_, member)| of_address(member));
        // Of two connections that have been idle equally long, take the older one: ids grow.
        let idlest = idle.filter_map(|(id, member)| member.link.idle_since().map(|since| (since, *id))).min();
        let Some((since, id)) = idlest else { return false };
        let closed = self.all.get(&id).is_some_and(|member| member.link.close(since));
        if closed && let Some(task) = self.remove(id).and_then(|member| member.task) {
            task.abort();
        }
        closed
    }
}

impl Place {
    /// Returns the id of the place, for [`Crowd::serves`].
    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.lock().remove(self.id);
    }
}

/// Returns the address by which connections are counted.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let mut octets = address.octets();
            octets[PREFIX_BYTES..].fill(0);
            Ipv6Addr::from(octets).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(crowd: &Arc<Crowd>, address: &str) -> Option<(Place, Arc<Link>)> {
        let link = Arc::new(Link::new(crowd.now()));
        crowd.tick();
        Some((crowd.admit(Some(address.parse().unwrap()), &link)?, link))
    }

    #[test]
    fn one_address_displaces_its_own_and_never_others() {
        let crowd = Arc::new(Crowd::new(10, 2));
        let (_other, others) = enter(&crowd, "192.0.2.1").unwrap();
        let (_first, first) = enter(&crowd, "2001:db8::1").unwrap();
        let (_second, second) = enter(&crowd, "2001:db8::2:1").unwrap();
        let (_third, third) = enter(&crowd, "2001:db8::3").unwrap();
        assert_eq!(first.idle_since(), None, "the one that was idle for longest makes room");
        assert!(others.idle_since().is_some() && second.idle_since().is_some());
        assert!(second.close(second.idle_since().unwrap()) && third.close(third.idle_since().unwrap()));
        assert!(enter(&crowd, "2001:db8::4").is_none(), "none of this address is idle");
        assert!(enter(&crowd, "2001:db8:0:1::4").is_some(), "another /64 is another address");
    }

    #[test]
    fn a_full_server_closes_the_idlest_and_refuses_when_all_work() {
        let crowd = Arc::new(Crowd::new(2, 2));
        let (first, a) = enter(&crowd, "192.0.2.1").unwrap();
        let (_second, b) = enter(&crowd, "192.0.2.2").unwrap();
        assert!(enter(&crowd, "192.0.2.3").is_some_and(|_| a.idle_since().is_none()));
        drop(first);
        assert!(b.close(b.idle_since().unwrap()));
        let (_third, c) = enter(&crowd, "192.0.2.3").unwrap();
        assert!(c.close(c.idle_since().unwrap()));
        assert!(enter(&crowd, "192.0.2.4").is_none());
        assert_eq!(crowd.refused.load(Relaxed), 1);
    }
}
