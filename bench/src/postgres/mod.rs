//! Compares requests for records on PostgreSQL with hand-written code on the same driver with a pool: the same table,
//! the same isolation, the same server, in alternating rounds. Both sides answer with JSON.

mod fleet;
mod hand;
pub(crate) mod many;
pub(crate) mod ours;
mod processor;
pub(crate) mod world;

use crate::rounds::{Compared, alternate};
use anyhow::Result;
use clap::Args;
use processor::Spent;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, task::JoinSet};
use world::{Isolation, World};

/// What is compared, and how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// URL of a superuser of the server.
    #[arg(long)]
    url: String,
    /// Rounds per figure.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds per round and side.
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// Compare making tenants and migrating this many databases instead, and four times as many schemas.
    #[arg(long)]
    fleet: Option<usize>,
}

/// Number of rows in the table.
pub(crate) const ROWS: i64 = 10_000;

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Work {
    ReadOne,
    List,
    Insert,
}

impl Work {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadOne => "read one",
            Self::List => "list 20",
            Self::Insert => "insert, 32 at once",
        }
    }

    /// Returns the number of concurrent callers.
    fn callers(self) -> usize {
        match self {
            Self::ReadOne | Self::List => 8,
            Self::Insert => 32,
        }
    }
}

/// One side of a comparison.
pub(crate) trait Side: Clone + Send + 'static {
    /// Does one piece of work. `number` differs from call to call.
    fn run(&self, work: Work, number: u64) -> impl Future<Output = Result<Vec<u8>>> + Send;
}

/// Prints the ratios.
///
/// # Errors
/// Returns the errors of the server.
pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(count) = options.fleet {
        return fleet::run(&runtime, &options.url, options.rounds, (count, 4 * count));
    }
    for isolation in [Isolation::Database, Isolation::Schema, Isolation::Pooled] {
        let world = runtime.block_on(World::make(&options.url, isolation, ROWS))?;
        let (ours, hand) = (world.ours.clone(), world.hand.clone());
        for work in [Work::ReadOne, Work::List, Work::Insert] {
            let (mut by_hand, mut by_us) = (Spent::default(), Spent::default());
            let compared = alternate(
                options.rounds,
                || rate(&runtime, &hand, work, options.seconds, &mut by_hand),
                || rate(&runtime, &ours, work, options.seconds, &mut by_us),
            )?;
            print(isolation, work, &compared);
            println!("{:31} µs of processor time each: {by_us}; by hand {by_hand}", "");
        }
        runtime.block_on(world.remove())?;
    }
    Ok(())
}

fn print(isolation: Isolation, work: Work, compared: &Compared) {
    let Compared { ours, baseline, ratio } = compared;
    let name = format!("{isolation:?}");
    println!("{name:10} {:20} ours {ours:8.0}/s  by hand {baseline:8.0}/s  ratio {ratio:.2}", work.name());
}

/// Returns the number of times per second that a side does the work, and adds the processor time that it takes.
fn rate(runtime: &Runtime, side: &impl Side, work: Work, seconds: f64, spent: &mut Spent) -> Result<f64> {
    let before = processor::read();
    let (rate, done) = measure(runtime, side, work, seconds)?;
    spent.add(before, processor::read(), done);
    Ok(rate)
}

/// Returns the number of times per second that a side does the work, and how often it did.
pub(crate) fn measure(runtime: &Runtime, side: &impl Side, work: Work, seconds: f64) -> Result<(f64, u64)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let (began, length) = (Instant::now(), Duration::from_secs_f64(seconds));
    let done = runtime.block_on(async {
        let mut callers = JoinSet::new();
        for _ in 0..work.callers() {
            let side = side.clone();
            callers.spawn(async move {
                let mut count = 0_u64;
                while began.elapsed() < length {
                    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                    let answer = side.run(work, number).await?;
                    anyhow::ensure!(answer.len() > 10, "an empty answer");
                    count += 1;
                }
                anyhow::Ok(count)
            });
        }
        let mut sum = 0;
        while let Some(count) = callers.join_next().await {
            sum += count??;
        }
        anyhow::Ok(sum)
    })?;
    let took = began.elapsed().as_secs_f64();
    Ok((done as f64 / took, done))
}
