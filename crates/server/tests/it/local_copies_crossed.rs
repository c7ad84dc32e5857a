//! Copies of shared models on MongoDB while something else happens to the databases: a migration of the shared store, a
//! restore and a move of the organisation. No server answers from a copy of what was there before.

use super::{
    app::{Client, TestApp},
    local_copies::{BANKS, configured},
    valuation::organisations,
    versions::copy,
};
use serde_json::{Value, json};
use std::path::Path;
use tenantry::{
    access::Operator, apps::Apps, config::Config, internals::answered_by_copies, migrations::make,
};
use tenantry_testkit::mongodb::Home;

const ORGANISATION: &str = "/api/admin/tenants/demo_org_001";

fn parsed(dir: &Path, text: &str) -> Config {
    Config::parse("tenantry.toml", text, dir).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Starts two servers of an installation whose apps are a folder that can be changed.
async fn two_servers(dir: &Path, text: &str) -> [TestApp; 2] {
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/valuation"), &dir.join("apps/valuation"));
    let app = TestApp::at(parsed(dir, text)).await;
    app.platform().plans().initialise(&Operator::new("system")).await.unwrap();
    let other = app.beside().await;
    [app, other]
}

/// Returns all banks as an organisation sees them, after the same answer has come from a copy at each server.
async fn banks(of: &Client, servers: &[TestApp; 2]) -> Value {
    let mut seen = vec![];
    for app in servers {
        for _ in 0..2 {
            let answered = answered_by_copies(app.platform());
            let found = of.at(app).get(&format!("{BANKS}?sort=code&limit=100")).await.expect(200).json();
            seen.push((found, answered_by_copies(app.platform()) > answered));
        }
    }
    let from_copies: Vec<_> = seen.iter().map(|(_, copied)| *copied).collect();
    assert!(
        seen[1].1 && seen[3].1,
        "the second answer of each server is that of a copy: {from_copies:?}, {}",
        seen[0].0
    );
    let first = seen[0].0.clone();
    seen.iter().for_each(|(found, _)| assert_eq!(*found, first));
    first
}

fn column(banks: &Value, field: &str) -> Vec<Value> {
    banks["items"].as_array().unwrap().iter().map(|bank| bank[field].clone()).collect()
}

async fn done(staff: &Client, path: &str, body: &Value) -> Value {
    let ended = staff.post(&format!("{ORGANISATION}/{path}?wait=60"), body).await;
    assert!(ended.status.is_success(), "{path}: {}", ended.text());
    let ended = ended.json();
    assert_eq!(ended["state"], "done", "{path}: {ended}");
    ended
}

async fn fill(staff: &Client, of: &Client) {
    for (code, name) in [("NB", "North"), ("SB", "South")] {
        staff.post(BANKS, &json!({"code": code, "name": name})).await.expect(201);
    }
    of.put(&format!("{BANKS}/1/override"), &json!({"name": "Ours"})).await.expect(200);
}

/// The shared model gets a field. A server that has loaded the new apps returns it at once, for every row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_of_the_shared_store_leaves_no_copy_of_the_old_schema() {
    let (dir, home) = (tempfile::tempdir().unwrap(), Home::new().await);
    let text = configured(dir.path(), &home);
    let servers = two_servers(dir.path(), &text).await;
    let (staff, [first, second]) = organisations(&servers[0]).await;
    fill(&staff, &first).await;
    assert_eq!(column(&banks(&first, &servers).await, "name"), ["Ours", "South"]);
    let model = dir.path().join("apps/valuation/models/banks.toml");
    let field = "[fields.region]\ntype = \"text\"\ndefault = \"everywhere\"\n\n[[indexes]]";
    let changed = std::fs::read_to_string(&model).unwrap().replacen("[[indexes]]", field, 1);
    std::fs::write(&model, changed).unwrap();
    let apps = Apps::load(&parsed(dir.path(), &text)).unwrap_or_else(|problem| panic!("{problem}"));
    make::make(&apps, &make::Options::default(), &mut |_| None).unwrap();
    for app in &servers {
        app.platform().reload().await.unwrap();
    }
    for of in [&first, &second] {
        let found = banks(of, &servers).await;
        assert_eq!(column(&found, "region"), ["everywhere", "everywhere"], "{found}");
    }
    staff.patch(&format!("{BANKS}/2"), &json!({"region": "south"})).await.expect(200);
    assert_eq!(column(&banks(&first, &servers).await, "region"), ["everywhere", "south"]);
}

/// An older state of the organisation's own values takes the place of the present one, and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_or_moved_organisation_is_not_answered_from_an_older_copy() {
    let (dir, home) = (tempfile::tempdir().unwrap(), Home::new().await);
    let (text, place) =
        (configured(dir.path(), &home), "[stores.org]\nscope = \"tenant\"\nserver = \"mongo\"");
    assert!(text.contains(place), "{text}");
    let text = text.replace(place, "[stores.org]\nscope = \"tenant\"\nservers = [\"mongo\", \"main\"]");
    let servers = two_servers(dir.path(), &text).await;
    let (staff, [first, second]) = organisations(&servers[0]).await;
    fill(&staff, &first).await;
    done(&staff, "backups", &json!({})).await;
    let backups = staff.get(&format!("{ORGANISATION}/backups")).await.expect(200).json();
    first.put(&format!("{BANKS}/1/override"), &json!({"name": "Later"})).await.expect(200);
    first.post(BANKS, &json!({"code": "OWN", "name": "Added later"})).await.expect(201);
    assert_eq!(column(&banks(&first, &servers).await, "name"), ["Later", "Added later", "South"]);

    done(&staff, "restore", &json!({"backup": backups["items"][0]["id"]})).await;
    assert_eq!(column(&banks(&first, &servers).await, "name"), ["Later", "Added later", "South"]);
    done(&staff, "restore/swap", &json!({})).await;
    assert_eq!(column(&banks(&first, &servers).await, "name"), ["Ours", "South"]);
    done(&staff, "restore/undo", &json!({})).await;
    assert_eq!(column(&banks(&first, &servers).await, "name"), ["Later", "Added later", "South"]);

    // Files of this host are read without copies.
    done(&staff, "move", &json!({"server": "main"})).await;
    for app in &servers {
        let found = first.at(app).get(&format!("{BANKS}?sort=code")).await.expect(200).json();
        assert_eq!(column(&found, "name"), ["Later", "Added later", "South"]);
    }
    first.put(&format!("{BANKS}/2/override"), &json!({"active": false, "name": "Hidden"})).await.expect(200);
    done(&staff, "move", &json!({"server": "mongo"})).await;
    assert_eq!(column(&banks(&first, &servers).await, "name"), ["Later", "Added later", "Hidden"]);
    // The second organisation was placed on the emptiest server, which is this host.
    for app in &servers {
        let found = second.at(app).get(&format!("{BANKS}?sort=code")).await.expect(200).json();
        assert_eq!(column(&found, "name"), ["North", "South"]);
    }
}
