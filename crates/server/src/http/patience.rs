//! How long a client may take for the head of a request, without a timer for each request.
//!
//! hyper asks for a timer whenever it waits for a head and drops it when the head is there; a timer of the runtime
//! costs two turns at a lock each time. Here a timer is a time to compare with, which wakes nobody, and the serve loop
//! has each connection look up a few times in that span instead.

use hyper::rt::{Sleep, Timer};
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::time::{MissedTickBehavior, interval};

/// A connection looks up so many times in the span: a client has at most this part more than it was given.
const LOOKS: u32 = 8;

/// Gives out deadlines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines;

struct Deadline(Instant);

impl Timer for Deadlines {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Deadline(deadline))
    }
}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if Instant::now() < self.0 { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Sleep for Deadline {}

/// Runs a connection whose deadlines are `span` away when they are set.
pub(super) async fn looking_up<F: Future>(connection: F, span: Duration) -> F::Output {
    let mut connection = pin!(connection);
    let mut tick = interval((span / LOOKS).max(Duration::from_millis(1)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    poll_fn(|context| {
        while tick.poll_tick(context).is_ready() {}
        connection.as_mut().poll(context)
    })
    .await
}
