//! How long a client may take for the head of a request, without a timer or a look at the clock for each request.
//!
//! hyper asks for a timer whenever it waits for a head and drops it when the head is there; a timer of the runtime
//! costs two turns at a lock each time. Here a connection has one slow clock of its own that wakes it a few times in
//! that span, and a timer is a number of its ticks to come. Called by the serve loop.

use hyper::rt::{Sleep, Timer};
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Ticks in the span; a client has at most one tick more than it was given.
const TICKS: u64 = 8;

/// The clock of one connection.
#[derive(Debug)]
pub(super) struct Patience {
    ticks: Arc<AtomicU64>,
    timer: Interval,
}

/// Gives hyper its timers: each of them lasts the span, whatever it asks for, which is the span.
#[derive(Debug)]
pub(super) struct Timers {
    ticks: Arc<AtomicU64>,
    born: Instant,
}

struct Until {
    ticks: Arc<AtomicU64>,
    last: u64,
}

impl Patience {
    /// A clock that has given up on a head after `span`.
    pub(super) fn new(span: Duration) -> Self {
        let mut timer = interval((span / TICKS as u32).max(Duration::from_millis(1)));
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks: Arc::default(), timer }
    }

    /// What hyper is given.
    pub(super) fn timers(&self) -> Timers {
        Timers { ticks: self.ticks.clone(), born: Instant::now() }
    }

    /// Runs the connection that has the timers, and wakes it at each tick.
    pub(super) async fn over<F: Future>(mut self, connection: F) -> F::Output {
        let mut connection = pin!(connection);
        poll_fn(|context| {
            while self.timer.poll_tick(context).is_ready() {
                self.ticks.fetch_add(1, Relaxed);
            }
            connection.as_mut().poll(context)
        })
        .await
    }
}

impl Timer for Timers {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Until { ticks: self.ticks.clone(), last: self.ticks.load(Relaxed) + TICKS })
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(Duration::ZERO)
    }

    fn now(&self) -> Instant {
        self.born
    }
}

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.ticks.load(Relaxed) <= self.last { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Sleep for Until {}
