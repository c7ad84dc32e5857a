//! Several processes on one installation in one test, each with its own platform, clock, engine and caches. Their
//! workers stop at every fault point and continue when the schedule releases them.

use crate::{
    installation::Installation,
    test_platform::{TestPlatform, by, slug},
};
use std::sync::{Arc, Mutex};
use tenantry::{
    Error, Platform, Result,
    internals::{placements, run_move},
    kinds::kind,
    moves::{Move, MoveTenant, Purpose},
    name::{PhysicalName, ServerName, StoreName, TenantId},
    tenants::{NewTenant, provision::CreateTenant},
    topology::{NewPlacement, Placement, Policy},
};
use tenantry_engine::{
    Session,
    place::{Isolation, Place},
    schema::Schema,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

const FIELDS: &str = "audit = true\n[fields.name]\ntype = \"text\"\nrequired = true\n\
    [fields.code]\ntype = \"integer\"\nunique = true\n";

/// Answer to a worker that waits at a fault point.
pub(crate) enum Word {
    GoOn,
    Fail,
}

/// A worker that waits at a fault point.
pub(crate) struct Parked {
    pub(crate) point: String,
    go: oneshot::Sender<Word>,
}

impl Parked {
    pub(crate) fn tell(self, word: Word) {
        // The receiver is gone if the worker's task has ended.
        drop(self.go.send(word));
    }
}

/// Message of a worker to the schedule.
enum News {
    Parked(Parked),
    Over,
}

/// All processes of an installation, and their workers.
pub(crate) struct Simulation {
    pub(crate) processes: Vec<TestPlatform>,
    news: mpsc::UnboundedReceiver<News>,
    tell: mpsc::UnboundedSender<News>,
    pub(crate) parked: Vec<Parked>,
    /// Number of workers that neither wait nor have ended.
    busy: usize,
    tasks: Vec<JoinHandle<()>>,
    watching: Arc<Mutex<bool>>,
}

/// Describes an installation with a store of own databases and a pool, both on two servers.
fn installation() -> Installation {
    let [items, slips] = ["tenant", "notes"].map(|store| format!("store = \"{store}\"\n{FIELDS}"));
    Installation::new()
        .two_servers()
        .set("stores.notes", "isolation = \"pooled\"")
        .set("stores.notes", "servers = [\"main\", \"disk\"]")
        .free_plan()
        .app("desk", &[("items", &items), ("slips", &slips)])
}

fn is_control(point: &str) -> bool {
    let step = point.split(':').nth(1).unwrap();
    point.ends_with(":end:before")
        || kind("move").unwrap().steps().iter().any(|s| s.name == step && !s.outside)
}

impl Simulation {
    pub(crate) async fn new(processes: usize) -> Self {
        let installation = installation();
        let (tell, news) = mpsc::unbounded_channel();
        let mut test = Self {
            processes: vec![],
            news,
            tell,
            parked: vec![],
            busy: 0,
            tasks: vec![],
            watching: Arc::default(),
        };
        for _ in 0..processes {
            let process = installation.start().await;
            test.watch(&process);
            test.processes.push(process);
        }
        test
    }

    /// Makes every fault point of this process park its worker while a schedule runs.
    fn watch(&self, platform: &Platform) {
        let (tell, watching) = (self.tell.clone(), self.watching.clone());
        platform.operations().faults().watch(Arc::new(move |point: String| {
            let (tell, watching) = (tell.clone(), watching.clone());
            Box::pin(async move {
                // Control steps run inside a transaction: a worker that stopped there would block all others.
                if !*watching.lock().unwrap() || is_control(&point) {
                    return Ok(());
                }
                let (go, told) = oneshot::channel();
                tell.send(News::Parked(Parked { point, go })).unwrap();
                match told.await {
                    Ok(Word::Fail) => Err(Error::Internal("fault".into())),
                    _ => Ok(()),
                }
            })
        }));
    }

    pub(crate) fn set_watching(&self, on: bool) {
        *self.watching.lock().unwrap() = on;
    }

    /// Creates a tenant with an own database and a place in the pool.
    pub(crate) async fn tenant(&self, name: &str) -> TenantId {
        let place = |store: &str, isolation, base: String| NewPlacement {
            store: StoreName::parse(store).unwrap(),
            server: ServerName::parse("main").unwrap(),
            isolation,
            policy: Policy::Managed,
            base: PhysicalName::parse(&base).unwrap(),
            numbered: true,
        };
        let wanted = CreateTenant {
            tenant: NewTenant { slug: slug(name), name: name.into(), email: format!("{name}@sim.test") },
            placements: vec![
                place("tenant", Isolation::Database, format!("tenant_{name}")),
                place("notes", Isolation::Pooled, "notes_pool".into()),
            ],
            plan: Some("free".into()),
            owner: None,
        };
        self.processes[0].operations.create_tenant(&by(), wanted).await.unwrap().tenant
    }

    /// Returns the store's current placement in the catalog.
    pub(crate) async fn ready(&self, tenant: TenantId, store: &str) -> Placement {
        let mut tx = self.processes[0].control.snapshot().await.unwrap();
        let all = placements(&mut tx, tenant).await.unwrap();
        all.into_iter().find(|p| p.place.store.as_str() == store).unwrap()
    }

    pub(crate) fn schema(&self, store: &str) -> Arc<Schema> {
        self.processes[0].schema(&StoreName::parse(store).unwrap())
    }

    pub(crate) async fn session(
        &self,
        process: usize,
        place: &Place,
        schema: &Arc<Schema>,
    ) -> Result<Session> {
        Ok(self.processes[process].engine.session(place, schema).await?)
    }

    /// Starts a move in this process; its worker runs until the first point.
    pub(crate) async fn start(&mut self, process: usize, name: &str, from: Place, new: NewPlacement) {
        let operations = self.processes[process].operations.clone();
        let tenant = self.processes[process].tenants().id_of(&slug(name)).await.unwrap();
        let wanted = MoveTenant {
            purpose: Purpose::Move,
            tenant,
            slug: slug(name),
            legs: vec![(from, new)],
            keep_us: 1_000_000,
        };
        self.spawn(async move { drop(run_move(&operations, Move::new(&by(), wanted)).await) }).await;
    }

    /// Takes over, in this process, every operation that seems to have no worker.
    pub(crate) async fn take_over(&mut self, process: usize) {
        let operations = self.processes[process].operations.clone();
        self.spawn(async move { drop(operations.reconcile().await) }).await;
    }

    async fn spawn(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        let tell = self.tell.clone();
        self.busy += 1;
        self.tasks.push(tokio::spawn(async move {
            work.await;
            tell.send(News::Over).unwrap();
        }));
        self.settle().await;
    }

    /// Lets one worker run to its next point or its end.
    pub(crate) async fn release(&mut self, index: usize, word: Word) {
        let parked = self.parked.swap_remove(index);
        self.busy += 1;
        parked.tell(word);
        self.settle().await;
    }

    /// Waits until every worker waits or has ended.
    async fn settle(&mut self) {
        while self.busy > 0 {
            match self.news.recv().await.unwrap() {
                News::Parked(parked) => self.parked.push(parked),
                News::Over => {}
            }
            self.busy -= 1;
        }
    }

    pub(crate) async fn open_operations(&self) -> i64 {
        let sql = "SELECT count(*) FROM operations WHERE state IN ('running', 'unwinding')";
        let mut tx = self.processes[0].control.snapshot().await.unwrap();
        tx.query(sql, &[]).await.unwrap()[0].integer(0).unwrap()
    }
}
