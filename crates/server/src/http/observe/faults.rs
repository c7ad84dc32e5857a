//! Faults that are logged once a minute: a damaged database fails every request of its tenant in the same way.
//!
//! The guard asks before it logs a fault. The serve loop logs how often each fault occurred again. The request log
//! contains every request.

use crate::http::problem::Problem;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Time during which a fault is logged once.
const EVERY: Duration = Duration::from_secs(60);
/// Largest number of faults that are counted at the same time. Further faults are logged every time.
const MOST: usize = 1000;

/// Key of a fault: two faults with the same key count as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Fault {
    /// Slug of the tenant; empty if there is none.
    tenant: String,
    code: &'static str,
    /// File that the fault concerns, or its text if it concerns none.
    about: String,
}

#[derive(Debug)]
struct Seen {
    since: Instant,
    /// Number of times that the fault occurred after it was logged.
    again: u64,
}

/// Faults that were logged within the last minute.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<HashMap<Fault, Seen>>);

impl Faults {
    /// Returns true if the fault is to be logged. Otherwise it was logged less than a minute ago, and is only counted.
    pub(crate) fn is_new(&self, tenant: &str, problem: &Problem, now: Instant) -> bool {
        self.flush(now);
        let fault = Fault {
            tenant: tenant.to_owned(),
            code: problem.code().as_str(),
            about: problem.about().to_owned(),
        };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = seen.get_mut(&fault) {
            seen.again += 1;
            return false;
        }
        if seen.len() < MOST {
            seen.insert(fault, Seen { since: now, again: 0 });
        }
        true
    }

    /// Logs how often each fault occurred again, for faults whose minute is over.
    pub(crate) fn flush(&self, now: Instant) {
        report(self.take(|seen| now.duration_since(seen.since) >= EVERY));
    }

    /// Logs how often each fault occurred again, before the process ends.
    pub(crate) fn flush_all(&self) {
        report(self.take(|_| true));
    }

    /// Removes the faults whose time is over. Returns the removed faults that occurred again.
    fn take(&self, is_over: impl Fn(&Seen) -> bool) -> Vec<(Fault, u64)> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = seen.extract_if(|_, seen| is_over(seen));
        over.filter(|(_, seen)| seen.again > 0).map(|(fault, seen)| (fault, seen.again)).collect()
    }
}

fn report(over: Vec<(Fault, u64)>) {
    for (Fault { tenant, code, about }, times) in over {
        tracing::error!(code, tenant, about, times, "the same fault occurred again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::Code;

    #[test]
    fn a_fault_is_new_once_a_minute_for_each_tenant_and_file() {
        let (faults, begun) = (Faults::default(), Instant::now());
        let damaged = |file: &str| Problem::new(Code::DatabaseDamaged, "It is damaged.").file(file);
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert!(faults.is_new("acme", &damaged("/a.db").private("page 1"), at(0)));
        assert!(!faults.is_new("acme", &damaged("/a.db").private("page 2"), at(59)));
        assert!(faults.is_new("acme", &damaged("/b.db"), at(59)), "another file");
        assert!(faults.is_new("rival", &damaged("/a.db"), at(59)), "another tenant");
        assert!(faults.is_new("acme", &damaged("/a.db"), at(60)), "another minute");
        assert_eq!(faults.take(|_| true), [], "the one that occurred again was reported at 60 seconds");
        for seconds in 0..3 {
            faults.is_new("acme", &damaged("/a.db"), at(seconds));
        }
        let [(fault, 2)] = &faults.take(|_| true)[..] else { panic!("{faults:?}") };
        assert_eq!((&*fault.tenant, &*fault.about), ("acme", "/a.db"));
    }

    #[test]
    fn faults_without_number_do_not_fill_the_memory() {
        let (faults, now) = (Faults::default(), Instant::now());
        for number in 0..2 * MOST {
            let problem = Problem::new(Code::NoDatabase, "It is lost.").private(number.to_string());
            assert!(faults.is_new("acme", &problem, now));
        }
        assert_eq!(faults.0.lock().unwrap().len(), MOST);
    }
}
