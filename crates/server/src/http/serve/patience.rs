//! Time limits for sending a head and reading an answer, without a runtime timer or a clock reading per request.
//!
//! hyper requests a timer whenever it waits for a head and drops it when the head has arrived; each runtime timer takes
//! a lock twice. Here a connection has one slow clock that wakes it a few times per span, and a timer is a number of
//! future ticks. Called by the serve loop.

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

/// Number of ticks in the shortest span; a client gets at most one tick more than its limit.
const TICKS: u32 = 8;

/// Number of ticks of one connection's clock so far; shared.
#[derive(Debug, Clone, Default)]
pub(super) struct Ticks(Arc<AtomicU64>);

impl Ticks {
    /// Returns the number of ticks so far.
    pub(super) fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Adds a tick.
    pub(super) fn advance(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The clock of one connection.
#[derive(Debug)]
pub(super) struct Patience {
    ticks: Ticks,
    timer: Interval,
    head: u64,
}

/// `hyper::rt::Timer` whose sleeps always last as long as a head may take; hyper requests no other duration.
#[derive(Debug)]
pub(super) struct Timers {
    ticks: Ticks,
    born: Instant,
    head: u64,
}

struct Until {
    ticks: Ticks,
    last: u64,
}

impl Patience {
    /// Creates a clock that allows `head` for a head and ticks several times within `write` too.
    pub(super) fn new(head: Duration, write: Duration) -> Self {
        let tick = tick(head, write);
        let mut timer = interval(tick);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks: Ticks::default(), timer, head: ticks_in(head, tick) }
    }

    /// Returns the number of ticks in `write`, for a clock created with both.
    pub(super) fn ticks_of_write(head: Duration, write: Duration) -> u64 {
        ticks_in(write, tick(head, write))
    }

    /// Returns the ticks, for the socket.
    pub(super) fn ticks(&self) -> Ticks {
        self.ticks.clone()
    }

    /// Returns the timers for hyper.
    pub(super) fn timers(&self) -> Timers {
        Timers { ticks: self.ticks.clone(), born: Instant::now(), head: self.head }
    }

    /// Runs the connection that uses the timers, and wakes it at each tick.
    pub(super) async fn over<F: Future>(mut self, connection: F) -> F::Output {
        let mut connection = pin!(connection);
        poll_fn(|context| {
            while self.timer.poll_tick(context).is_ready() {
                self.ticks.advance();
            }
            connection.as_mut().poll(context)
        })
        .await
    }
}

fn tick(head: Duration, write: Duration) -> Duration {
    (head.min(write) / TICKS).max(Duration::from_millis(1))
}

fn ticks_in(span: Duration, tick: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(tick.as_nanos())).unwrap_or(u64::MAX / 2)
}

impl Timer for Timers {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Until { ticks: self.ticks.clone(), last: self.ticks.now() + self.head })
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
        if self.ticks.now() <= self.last { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Sleep for Until {}
