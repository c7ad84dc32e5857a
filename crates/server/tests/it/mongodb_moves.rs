//! Reads on one server while another one moves and restores the tenant: no answer is older than what was acknowledged
//! before it was asked for.

use super::{
    mongodb::{app_with, done, place},
    records::patient,
};
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};
use tenantry_testkit::mongodb::Home;

/// A tenant with a writer on one server and readers on another one.
struct Traffic {
    acknowledged: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<u64>>,
}

impl Traffic {
    fn start(writer: &super::app::Client, reader: &super::app::Client) -> Self {
        let (acknowledged, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let path = "/api/records/patients/1";
        let mut tasks = vec![];
        {
            let (writer, acknowledged, stop) = (writer.clone(), acknowledged.clone(), stop.clone());
            tasks.push(tokio::spawn(async move {
                let mut count = 0;
                while !stop.load(SeqCst) {
                    count += 1;
                    let change = json!({"last_name": format!("N{count}")});
                    writer.patch(path, &change).await.expect(200);
                    acknowledged.store(count, SeqCst);
                }
                count
            }));
        }
        for _ in 0..2 {
            let (reader, acknowledged, stop) = (reader.clone(), acknowledged.clone(), stop.clone());
            tasks.push(tokio::spawn(async move {
                let mut count = 0;
                while !stop.load(SeqCst) {
                    let before = acknowledged.load(SeqCst);
                    let shown = reader.get(path).await.expect(200).json();
                    let name = shown["last_name"].as_str().unwrap().strip_prefix('N').unwrap();
                    let found: u64 = name.parse().unwrap();
                    assert!(found >= before, "read {found}, but {before} was acknowledged before");
                    count += 1;
                }
                count
            }));
        }
        Self { acknowledged, stop, tasks }
    }

    /// Waits until more writes were acknowledged.
    async fn go_on(&self) {
        let before = self.acknowledged.load(SeqCst);
        while self.acknowledged.load(SeqCst) < before + 20 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    async fn end(self) {
        self.stop.store(true, SeqCst);
        for task in self.tasks {
            assert!(task.await.unwrap() > 20, "hardly any traffic");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_answers_from_a_place_that_was_left() {
    let home = Home::new().await;
    let fast = "default_plan = \"fast\"\n[plans.fast]\nlabel = \"Fast\"\n[plans.fast.limits]\nrequests_per_second = 1_000_000\n";
    let app = app_with(&home, "database", "main", fast).await;
    let other = app.beside().await;
    let (staff, acme) = (app.staff().await, app.register("acme").await);
    acme.post("/api/records/patients", &patient("N0")).await.expect(201);
    acme.patch("/api/records/patients/1", &json!({"last_name": "N0"})).await.expect(200);
    let reader = other.login("owner@acme.example").await;
    let traffic = Traffic::start(&acme, &reader);
    traffic.go_on().await;
    for server in ["main", "mongo", "main", "mongo"] {
        done(&staff, "tenants/acme/move", &json!({"server": server})).await;
        traffic.go_on().await;
        assert_eq!(place(&staff, "acme").await["server"], server);
    }
    traffic.end().await;
}
