//! T8: seeded schedules of movers, writers with stale places, late workers and jumping clocks, compared with an
//! in-memory model: no write is lost, doubled or in the wrong place (`two-workers` and `late-writer`).
//!
//! A schedule is a sequence of steps; each runs to its end before the next. The same seed gives the same schedule.
//! `TENANTRY_SEED` runs one seed, `TENANTRY_SEEDS` sets their number.

use crate::simulation_kit::{Simulation, Word};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};
use tenantry::{clock::SECOND_US, name::TenantId, topology::NewPlacement};
use tenantry_engine::{
    Error, Kind,
    name::{FieldName, ModelName, PhysicalName, ServerName},
    place::{Isolation, Place},
    query::{Change, RecordId, Select},
    row::Collect,
    schema::Schema,
    value::Value,
    write::WriteOptions,
};
use tenantry_testkit::Random;

const SEEDS: u64 = 500;
const STEPS: u64 = 120;
const PROCESSES: usize = 3;
const WRITERS: usize = 4;
/// Number of schedules on one installation.
const TOGETHER: u64 = 50;

/// Expected contents: records by id, with name and code.
#[derive(Default)]
struct Model {
    records: BTreeMap<i64, (String, i64)>,
    /// Every id ever assigned.
    ids: HashSet<i64>,
    next_code: i64,
}

/// A writer, which remembers a place for as long as the schedule says.
#[derive(Default)]
struct Writer {
    place: Option<Place>,
    wish: Option<Wish>,
}

#[derive(Clone)]
enum Wish {
    Create(String, i64),
    Change(i64, String, i64),
    Delete(i64),
}

#[derive(Default)]
struct Counts {
    moves: u64,
    swapped: u64,
    undone: u64,
    taken_over: u64,
    late: u64,
    jumps: u64,
    failed: u64,
    written: u64,
    refused: u64,
}

struct Run<'a> {
    test: &'a mut Simulation,
    name: String,
    tenant: TenantId,
    store: &'static str,
    model_name: &'static str,
    schema: Arc<Schema>,
    random: Random,
    model: Model,
    writers: Vec<Writer>,
    counts: &'a mut Counts,
    log: Vec<String>,
}

fn field(name: &str) -> FieldName {
    FieldName::parse(name).unwrap()
}

#[tokio::test]
async fn moves_against_a_model_with_late_workers_stale_places_and_jumping_clocks() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let (first, seeds) = match number("TENANTRY_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("TENANTRY_SEEDS").unwrap_or(SEEDS)),
    };
    let mut counts = Counts::default();
    let mut test = Simulation::new(PROCESSES).await;
    for seed in first..first + seeds {
        if (seed - first) % TOGETHER == TOGETHER - 1 {
            test = Simulation::new(PROCESSES).await;
        }
        one(&mut test, seed, &mut counts).await;
    }
    let Counts { moves, swapped, undone, taken_over, late, jumps, failed, written, refused } = counts;
    let what = format!(
        "schedules from seed {first}: {moves} moves ({swapped} swapped, {undone} undone), {taken_over} taken over, \
         {late} late workers, {jumps} jumps of clocks, {failed} failures; \
         {written} writes, {refused} refused by a fence and repeated; none lost, doubled or misplaced"
    );
    tenantry_testkit::tried("T8 moves against a model", seeds, &what);
    assert!(
        seeds < SEEDS || (swapped > seeds / 2 && undone > 0 && taken_over > 0 && late > 0 && refused > seeds)
    );
}

async fn one(test: &mut Simulation, seed: u64, counts: &mut Counts) {
    let name = format!("sim-{seed}");
    let tenant = test.tenant(&name).await;
    // Both isolations: a store that begins in an own database, and one that begins in the pool.
    let (store, model_name) = if seed.is_multiple_of(2) { ("tenant", "items") } else { ("notes", "slips") };
    let schema = test.schema(store);
    let random = Random::new(seed, 0);
    let writers = (0..WRITERS).map(|_| Writer::default()).collect();
    let mut run = Run {
        test,
        name,
        tenant,
        store,
        model_name,
        schema,
        random,
        model: Model::default(),
        writers,
        counts,
        log: vec![],
    };
    run.test.set_watching(true);
    for _ in 0..STEPS {
        run.step().await;
    }
    run.end().await;
}

impl Run<'_> {
    async fn step(&mut self) {
        match self.random.below(20) {
            0 | 1 => self.start_move().await,
            2 => self.jump(),
            3 => self.take_over().await,
            4..=10 => self.go_on().await,
            _ => self.write().await,
        }
    }

    /// Starts a move. Only one may be open; sometimes a second is tried, which must be refused.
    async fn start_move(&mut self) {
        if self.test.open_operations().await > 0 && !self.random.one_in(10) {
            return;
        }
        let from = self.test.ready(self.tenant, self.store).await.place;
        let (new, process) = (self.target(&from), self.random.below(PROCESSES));
        self.log.push(format!("{process} moves {} to {:?} {}", from.physical, new.isolation, new.server));
        self.counts.moves += 1;
        self.test.start(process, &self.name, from, new).await;
    }

    /// Chooses another target: the other server, or the other isolation.
    fn target(&mut self, from: &Place) -> NewPlacement {
        let own = from.isolation == Isolation::Pooled || self.random.one_in(2);
        let other = match (from.isolation, from.server.as_str()) {
            (Isolation::Schema | Isolation::Database, "main") => "disk",
            (Isolation::Schema | Isolation::Database, _) => "main",
            (Isolation::Pooled, _) => ["main", "disk"][self.random.below(2)],
        };
        let base = if own { format!("{}_{}", self.store, self.name) } else { format!("{}_pool", self.store) };
        NewPlacement {
            store: from.store.clone(),
            server: ServerName::parse(if own { other } else { "main" }).unwrap(),
            isolation: if own { Isolation::Database } else { Isolation::Pooled },
            policy: tenantry::topology::Policy::Managed,
            base: PhysicalName::parse(&base).unwrap(),
            numbered: true,
        }
    }

    /// Lets the clock of one process jump ahead, so that leases of live workers lapse.
    fn jump(&mut self) {
        let process = self.random.below(PROCESSES);
        self.log.push(format!("clock of {process} jumps"));
        self.counts.jumps += 1;
        self.test.processes[process].control.clock().advance_us(40 * SECOND_US);
    }

    async fn take_over(&mut self) {
        if self.test.open_operations().await == 0 {
            return;
        }
        let (process, before) = (self.random.below(PROCESSES), self.test.parked.len());
        self.log.push(format!("{process} looks for stalled operations"));
        self.test.take_over(process).await;
        if self.test.parked.len() > before {
            self.counts.taken_over += 1;
            // Earlier workers of the operation are parked and will be late.
            self.counts.late += u64::try_from(before).unwrap();
        }
    }

    async fn go_on(&mut self) {
        if self.test.parked.is_empty() {
            return;
        }
        let index = self.random.below(self.test.parked.len());
        let fails = self.random.one_in(25);
        self.counts.failed += u64::from(fails);
        let point = &self.test.parked[index].point;
        self.log.push(format!("{} at {point}", if fails { "fails" } else { "goes on" }));
        self.test.release(index, if fails { Word::Fail } else { Word::GoOn }).await;
    }

    /// Reads where the store is, or writes to where it was when last read.
    async fn write(&mut self) {
        let who = self.random.below(WRITERS);
        if self.writers[who].place.is_none() || self.random.one_in(4) {
            self.writers[who].place = Some(self.test.ready(self.tenant, self.store).await.place);
            return;
        }
        let wish = match self.writers[who].wish.take() {
            Some(wish) => wish,
            None => self.wish(),
        };
        let place = self.writers[who].place.clone().unwrap();
        let process = who % PROCESSES;
        match self.try_write(process, &place, &wish).await {
            Ok(id) => self.written(&wish, id),
            Err(error) if matches!(error.kind(), Kind::Fenced | Kind::Missing | Kind::WrongIdentity) => {
                self.counts.refused += 1;
                self.writers[who].wish = Some(wish);
                self.writers[who].place = None;
            }
            // Another writer has deleted it meanwhile.
            Err(error) if *error.kind() == Kind::NotFound => {
                assert!(self.is_gone(&wish), "{error}")
            }
            Err(error) => panic!("{error}\n{}", self.log.join("\n")),
        }
    }

    fn is_gone(&self, wish: &Wish) -> bool {
        match wish {
            Wish::Create(..) => false,
            Wish::Change(id, ..) | Wish::Delete(id) => !self.model.records.contains_key(id),
        }
    }

    fn wish(&mut self) -> Wish {
        self.model.next_code += 1;
        let code = self.model.next_code;
        let text = format!("{}-{code}", self.name);
        let known: Vec<i64> = self.model.records.keys().copied().collect();
        match self.random.below(5) {
            0 | 1 if !known.is_empty() => Wish::Change(known[self.random.below(known.len())], text, code),
            2 if !known.is_empty() => Wish::Delete(known[self.random.below(known.len())]),
            _ => Wish::Create(text, code),
        }
    }

    async fn try_write(&self, process: usize, place: &Place, wish: &Wish) -> Result<i64, Error> {
        let model = ModelName::parse(self.model_name).unwrap();
        let values = |name: &String, code: &i64| {
            vec![(field("name"), Value::Text(name.clone())), (field("code"), Value::Integer(*code))]
        };
        let change = match wish {
            Wish::Create(name, code) => Change::Insert { model, id: None, values: values(name, code) },
            Wish::Change(id, name, code) => {
                let (id, values) = (RecordId::Integer(*id), values(name, code));
                Change::Update { model, id, expected_version: None, values }
            }
            Wish::Delete(id) => Change::Delete { model, id: RecordId::Integer(*id), expected_version: None },
        };
        let session = self.test.processes[process].engine.session(place, &self.schema).await?;
        let written =
            session.write(&[change], &WriteOptions { actor: "sim".into(), ..Default::default() }).await?;
        match written[0].id {
            RecordId::Integer(id) => Ok(id),
            RecordId::Uuid(_) => unreachable!("ids are integers here"),
        }
    }

    /// Adds an acknowledged write to the model; it must stay.
    fn written(&mut self, wish: &Wish, id: i64) {
        self.counts.written += 1;
        match wish.clone() {
            Wish::Create(name, code) => {
                assert!(self.model.ids.insert(id), "id {id} was given out twice");
                self.model.records.insert(id, (name, code));
            }
            Wish::Change(id, name, code) => drop(self.model.records.insert(id, (name, code))),
            Wish::Delete(id) => drop(self.model.records.remove(&id)),
        }
    }

    /// Runs all workers to their end, late ones too; then the place in use must equal the model.
    async fn end(&mut self) {
        let mut rounds = 0;
        while !self.test.parked.is_empty() || self.test.open_operations().await > 0 {
            while !self.test.parked.is_empty() {
                let index = self.random.below(self.test.parked.len());
                self.test.release(index, Word::GoOn).await;
            }
            let process = self.random.below(PROCESSES);
            self.test.processes[process].control.clock().advance_us(400 * SECOND_US);
            self.test.take_over(process).await;
            rounds += 1;
            assert!(rounds < 100, "an operation never ends\n{}", self.log.join("\n"));
        }
        self.test.set_watching(false);
        self.count_ends().await;
        let place = self.test.ready(self.tenant, self.store).await.place;
        let found = self.rows(&place).await;
        assert_eq!(found, self.model.records, "{place:?}\n{}", self.log.join("\n"));
        let last = self.wish();
        let id = self.try_write(0, &place, &last).await;
        let id = id.unwrap_or_else(|error| panic!("left shut: {error}\n{}", self.log.join("\n")));
        self.written(&last, id);
        let info = self.test.processes[1].engine.place_info(&place).await.unwrap();
        assert_eq!(info.recorder, None, "noted for nobody\n{}", self.log.join("\n"));
        let session = self.test.session(1, &place, &self.schema).await.unwrap();
        assert_eq!(session.usage().await.unwrap().rows, self.model.records.len() as u64, "counters");
    }

    async fn rows(&self, place: &Place) -> BTreeMap<i64, (String, i64)> {
        let session = self.test.session(0, place, &self.schema).await.unwrap();
        let select = Select {
            limit: 1000,
            fields: vec![field("id"), field("name"), field("code")],
            ..Select::default()
        };
        let (page, next) = session.select(self.model_name, &select, None, Collect::default()).await.unwrap();
        assert!(next.is_none(), "one page is enough here");
        let record = |row: Vec<Value>| match <[Value; 3]>::try_from(row).unwrap() {
            [Value::Integer(id), Value::Text(name), Value::Integer(code)] => (id, (name, code)),
            other => panic!("{other:?}"),
        };
        page.rows.into_iter().map(record).collect()
    }

    async fn count_ends(&mut self) {
        let sql = "SELECT sum(state = 'done'), sum(state = 'undone') FROM operations WHERE kind = 'move' AND tenant = ?";
        let mut tx = self.test.processes[0].control.snapshot().await.unwrap();
        let rows = tx.query(sql, &[Value::Integer(self.tenant.get())]).await.unwrap();
        let count = |index| u64::try_from(rows[0].opt_integer(index).unwrap().unwrap_or(0)).unwrap();
        self.counts.swapped += count(0);
        self.counts.undone += count(1);
    }
}
