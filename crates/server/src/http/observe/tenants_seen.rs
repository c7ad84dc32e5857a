//! Requests by tenant in limited memory: the busiest tenants separately, the rest as `other`.
//!
//! The guard counts every request here. There is a fixed number of slots, and a majority vote decides each slot (Boyer
//! and Moore, 1981). Requests of the tenant that owns a slot add weight; requests of another tenant that hashes to it
//! remove weight; at zero the slot changes its owner. It is lock-free: a race may lose a count but cannot mix data,
//! because slots contain only numbers.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

const SLOTS: usize = 1024;
/// Number of tenants with their own label in the exposition.
const TOP: usize = 20;

pub(crate) struct TenantsSeen {
    slots: Box<[Slot]>,
    other: AtomicU64,
}

#[derive(Default)]
struct Slot {
    /// Id of the tenant that owns the slot; 0 if the slot is free, because ids of tenants start at 1.
    tenant: AtomicI64,
    weight: AtomicI64,
    requests: AtomicU64,
}

impl Default for TenantsSeen {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| Slot::default()).collect(), other: AtomicU64::new(0) }
    }
}

impl TenantsSeen {
    /// Counts a request of this tenant.
    pub(crate) fn note(&self, tenant: i64) {
        // Fibonacci hashing spreads consecutive ids; the top 10 bits index 1024 slots.
        let hash = tenant.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
        let Some(slot) = usize::try_from(hash).ok().and_then(|i| self.slots.get(i)) else { return };
        if slot.tenant.load(Relaxed) == tenant {
            slot.weight.fetch_add(1, Relaxed);
            slot.requests.fetch_add(1, Relaxed);
        } else if slot.weight.fetch_sub(1, Relaxed) <= 0 {
            slot.tenant.store(tenant, Relaxed);
            slot.weight.store(1, Relaxed);
            self.other.fetch_add(slot.requests.swap(1, Relaxed), Relaxed);
        } else {
            self.other.fetch_add(1, Relaxed);
        }
    }

    /// Returns the busiest tenants with their requests, and the requests of all others.
    pub(crate) fn top(&self) -> (Vec<(i64, u64)>, u64) {
        let mut seen: Vec<_> = self
            .slots
            .iter()
            .map(|s| (s.tenant.load(Relaxed), s.requests.load(Relaxed)))
            .filter(|s| s.0 != 0)
            .collect();
        seen.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let rest: u64 = seen.iter().skip(TOP).map(|s| s.1).sum();
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
        for round in 0..10 {
            for tenant in 1..=5000 {
                seen.note(tenant);
                if tenant % 1000 == round {
                    seen.note(7);
                    seen.note(7);
                }
            }
        }
        for _ in 0..500 {
            seen.note(7);
        }
        let (top, other) = seen.top();
        assert_eq!(top.len(), TOP);
        assert_eq!(top[0].0, 7, "the busiest leads: {top:?}");
        assert_eq!(top.iter().map(|t| t.1).sum::<u64>() + other, 50_000 + 100 + 500);
    }
}
