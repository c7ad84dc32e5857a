//! Requests by tenant and store in limited memory: the busiest separately, the rest as one number.
//!
//! The guard counts every request here. There is a fixed number of slots, and a majority vote decides each slot (Boyer
//! and Moore, 1981). Requests of the tenant and store that own a slot add weight; requests of others that hash to it
//! remove weight; at zero the slot changes its owner. It is lock-free: a race may lose a count but cannot mix data,
//! because slots contain only numbers.

use super::latency::{Durations, Latency};
use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

const SLOTS: usize = 1024;
/// Number of owners with their own label in the exposition.
const TOP: usize = 20;
/// Number of stores, and no store, that a slot tells apart.
const STORES: i64 = 64;

pub(crate) struct TenantsSeen {
    slots: Box<[Slot]>,
    other: AtomicU64,
}

#[derive(Default)]
struct Slot {
    /// Tenant and store that own the slot: tenant × [`STORES`] + store. 0 if the slot is free, because ids of tenants start
    /// at 1.
    owner: AtomicI64,
    weight: AtomicI64,
    latency: Latency,
}

/// Requests of a tenant for records of a store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) tenant: i64,
    /// Index of the store; `None` for requests that named no records.
    pub(crate) store: Option<usize>,
    pub(crate) durations: Durations,
}

impl Default for TenantsSeen {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| Slot::default()).collect(), other: AtomicU64::new(0) }
    }
}

impl TenantsSeen {
    /// Counts a request of this tenant.
    pub(crate) fn note(&self, tenant: i64, store: Option<usize>, took: Duration) {
        let store = store.and_then(|store| i64::try_from(store + 1).ok()).unwrap_or(0).min(STORES - 1);
        let owner = tenant * STORES + store;
        // Fibonacci hashing spreads consecutive ids; the top 10 bits index 1024 slots.
        let hash = owner.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
        let Some(slot) = usize::try_from(hash).ok().and_then(|i| self.slots.get(i)) else { return };
        if slot.owner.load(Relaxed) == owner {
            slot.weight.fetch_add(1, Relaxed);
            slot.latency.record(took);
        } else if slot.weight.fetch_sub(1, Relaxed) <= 0 {
            slot.owner.store(owner, Relaxed);
            slot.weight.store(1, Relaxed);
            self.other.fetch_add(slot.latency.take(), Relaxed);
            slot.latency.record(took);
        } else {
            self.other.fetch_add(1, Relaxed);
        }
    }

    /// Returns the busiest tenants with their requests for a store, the busiest first, and the number of the requests of all
    /// others.
    pub(crate) fn top(&self) -> (Vec<Seen>, u64) {
        let read = |slot: &Slot| {
            let owner = slot.owner.load(Relaxed);
            let store = usize::try_from(owner % STORES).ok().and_then(|store| store.checked_sub(1));
            (owner != 0).then(|| Seen { tenant: owner / STORES, store, durations: slot.latency.read() })
        };
        let mut seen: Vec<_> = self.slots.iter().filter_map(read).collect();
        seen.sort_by_key(|seen| (std::cmp::Reverse(seen.durations.requests()), seen.tenant, seen.store));
        let rest: u64 = seen.iter().skip(TOP).map(|seen| seen.durations.requests()).sum();
        seen.truncate(TOP);
        (seen, rest + self.other.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded_and_no_request_is_lost() {
        let seen = TenantsSeen::default();
        let note = |tenant| seen.note(tenant, Some(2), Duration::from_micros(1));
        for round in 0..10 {
            for tenant in 1..=5000 {
                note(tenant);
                if tenant % 1000 == round {
                    note(7);
                    note(7);
                }
            }
        }
        for _ in 0..500 {
            note(7);
        }
        let (top, other) = seen.top();
        assert_eq!(top.len(), TOP);
        assert_eq!((top[0].tenant, top[0].store), (7, Some(2)), "the busiest leads: {top:?}");
        assert_eq!(top.iter().map(|seen| seen.durations.requests()).sum::<u64>() + other, 50_000 + 100 + 500);
    }

    #[test]
    fn stores_of_a_tenant_are_told_apart() {
        let seen = TenantsSeen::default();
        for store in [None, Some(0), Some(1), Some(1), Some(500)] {
            seen.note(3, store, Duration::from_millis(1));
        }
        let top: Vec<_> = seen.top().0.iter().map(|s| (s.tenant, s.store, s.durations.requests())).collect();
        assert_eq!(top, [(3, Some(1), 2), (3, None, 1), (3, Some(0), 1), (3, Some(62), 1)]);
    }
}
