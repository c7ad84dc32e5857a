//! Background work: reconcilers that run as passes. A pass takes no input and may run at any time.
//!
//! Servers start it; commands do not need it. One timer serves the whole platform; no tenant has its own.

mod daily;
mod old_activity;
mod passes;
mod sizes;

pub use passes::Pass;
pub(crate) use passes::Passes;

#[cfg(feature = "mongodb")]
use crate::control::View;
use crate::{
    Platform, Result,
    audit::By,
    control::{clock::DAY_US, witness},
    licences,
    platform::data_dir::in_use::Announced,
    records, tenants,
};
use std::time::Duration;
use tokio::{sync::watch, task::JoinHandle, time::MissedTickBehavior};

/// Largest number of rows in a pass, so that no pass holds the control store for long.
const MOST: u32 = 500;
/// Largest number of comparisons that a pass closes, because it removes their databases one after the other.
const AT_ONCE: u32 = 10;
/// Time between passes.
const EVERY: Duration = Duration::from_secs(10);
/// Time between two looks whether the catalog has changed since it was mirrored. A look reads memory.
#[cfg(feature = "mongodb")]
const MIRROR_EVERY: Duration = Duration::from_millis(200);
/// Number of passes between two scans of all files of all servers: an hour.
const ORPHANS_EVERY: u64 = 360;
/// Number of passes between two questions how much the databases of servers take: ten minutes.
const ROOM_EVERY: u64 = 60;

/// Running background work. If it is dropped without [`Background::stop`], it ends with the runtime.
#[derive(Debug)]
pub struct Background {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    others: Vec<JoinHandle<()>>,
    _announced: Option<Announced>,
}

impl Background {
    /// Stops the background work after the current pass, and writes pending notes.
    pub async fn stop(self) {
        // Sending fails if the task is already over.
        self.stop.send(true).ok();
        for task in self.others.into_iter().chain([self.task]) {
            if let Err(error) = task.await {
                tracing::error!(%error, "background work ended badly");
            }
        }
    }
}

impl Platform {
    /// Starts the reconcilers: stalled operations, retained databases, tenants that reach the end of their life,
    /// sessions and usage notes. Irreversible work uses the witnessed time.
    pub fn start_background(&self) -> Background {
        let (stop, mut stopped) = watch::channel(false);
        let platform = self.clone();
        let task = tokio::spawn(async move {
            let mut timer = tokio::time::interval(EVERY);
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut passes = 0_u64;
            let mut recovery: Option<JoinHandle<()>> = None;
            loop {
                tokio::select! {
                    _ = timer.tick() => {
                        if recovery.as_ref().is_none_or(JoinHandle::is_finished) {
                            recovery = Some(platform.recovery());
                        }
                        platform.pass().await;
                        if passes.is_multiple_of(ORPHANS_EVERY) {
                            platform.run_pass("orphans", platform.orphans().sweep()).await;
                        }
                        if passes.is_multiple_of(ROOM_EVERY) {
                            platform.run_pass("room", platform.look_at_rooms()).await;
                        }
                        passes += 1;
                    }
                    _ = stopped.changed() => break,
                }
            }
            platform.run_pass("audit heads", platform.publish_head()).await;
            platform.run_pass("notes of use", platform.access().flush()).await;
            platform.run_pass("clock", witness::look(platform.control())).await;
        });
        // Without the announcement, other processes do not refuse a move to a server that this process lacks. Only
        // requests to this process then fail.
        let announced = Announced::new(self.config());
        if let Err(error) = &announced {
            tracing::warn!(%error, "other processes do not learn which servers this one was started with");
        }
        let mut others = vec![self.send_mail_until(stop.subscribe())];
        others.extend(self.mirror_until(stop.subscribe()));
        Background { others, stop, task, _announced: announced.ok() }
    }

    #[cfg(not(feature = "mongodb"))]
    fn mirror_until(&self, _: watch::Receiver<bool>) -> Option<JoinHandle<()>> {
        None
    }

    /// Copies the catalog to the mirror, if there is one, soon after each commit of any process.
    #[cfg(feature = "mongodb")]
    fn mirror_until(&self, mut stopped: watch::Receiver<bool>) -> Option<JoinHandle<()>> {
        self.config().mirror.as_ref()?;
        let platform = self.clone();
        Some(tokio::spawn(async move {
            let mut view = None;
            loop {
                let is_current = view.as_ref().is_some_and(View::is_current);
                let mut wait = MIRROR_EVERY;
                if !is_current {
                    let before = platform.control().view();
                    let mut outcome = None;
                    platform
                        .run_pass("mirror", async {
                            platform.mirror_step().await.map(|more| outcome = Some(more))
                        })
                        .await;
                    wait = match outcome {
                        Some(true) => Duration::ZERO,
                        Some(false) => MIRROR_EVERY,
                        None => EVERY,
                    };
                    view = (outcome == Some(false)).then_some(before);
                }
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    _ = stopped.changed() => break,
                }
            }
        }))
    }

    #[cfg(feature = "mongodb")]
    async fn mirror_step(&self) -> Result<bool> {
        let Some(config) = &self.config().mirror else { return Ok(false) };
        let mirror = crate::mirror::Mirror { control: self.control(), engine: &self.0.engine, config };
        mirror.step().await
    }

    /// Sends this process's letters as soon as they are written, and looks for letters of other processes in every
    /// pass.
    fn send_mail_until(&self, mut stopped: watch::Receiver<bool>) -> JoinHandle<()> {
        let platform = self.clone();
        tokio::spawn(async move {
            loop {
                platform.run_pass("letters", async { platform.letters().send_due().await.map(drop) }).await;
                tokio::select! {
                    () = platform.0.mailer.woken() => {}
                    () = tokio::time::sleep(EVERY) => {}
                    _ = stopped.changed() => break,
                }
            }
        })
    }

    /// Continues operations whose workers died. This may take hours, so it runs in its own task.
    fn recovery(&self) -> JoinHandle<()> {
        let platform = self.clone();
        tokio::spawn(async move {
            let operations = &platform.0.operations;
            platform.run_pass("operations", async { operations.reconcile().await.map(drop) }).await;
            let release = async { operations.release_due(&By::system(), MOST).await.map(drop) };
            platform.run_pass("kept databases", release).await;
        })
    }

    async fn pass(&self) {
        let (control, access) = (self.control(), self.access());
        self.run_pass("clock", self.look_at_clock()).await;
        self.0.engine.look_for_servers().await;
        self.run_pass("attached databases", self.attachments().pass()).await;
        self.run_pass("audit heads", self.publish_head()).await;
        self.run_pass("pools", self.prepare_pools()).await;
        self.run_pass("old operations", self.prune_operations()).await;
        self.run_pass("backups", self.backups().pass()).await;
        self.run_pass("comparisons", self.restores().discard_expired(AT_ONCE)).await;
        self.run_pass("old activity", self.trim_activity()).await;
        self.run_pass("sizes", self.note_sizes()).await;
        self.run_pass("keys of imports", async { records::forget_imports(control).await.map(drop) }).await;
        self.run_pass("counts of uses", licences::usage::forget(control, MOST)).await;
        self.run_pass("purges", self.purges().start_when_due()).await;
        self.run_pass("cancelled tenants", async { tenants::close_due(control, MOST).await.map(drop) }).await;
        self.run_pass("closed tenants", async { tenants::reopen_undue(control, MOST).await.map(drop) }).await;
        self.run_pass("sessions", async { access.sessions().purge_expired(MOST).await.map(drop) }).await;
        self.run_pass("notes of use", access.flush_sometimes()).await;
    }

    /// Runs one pass of background work. Its error or panic is logged and counted, and other work continues.
    pub async fn run_pass(&self, work: &'static str, pass: impl Future<Output = Result<()>>) {
        self.0.passes.run(work, pass).await;
    }

    /// Returns the result of the latest pass of each kind of background work in this process.
    pub fn background_passes(&self) -> Vec<Pass> {
        self.0.passes.list()
    }

    async fn look_at_clock(&self) -> Result<()> {
        match witness::is_time(self.control().clock()) {
            true => witness::look(self.control()).await,
            false => Ok(()),
        }
    }

    async fn prune_operations(&self) -> Result<()> {
        let keep_us = i64::from(self.config().operations.keep_days) * DAY_US;
        self.0.operations.prune(self.control().due_us() - keep_us, MOST).await.map(drop)
    }
}
