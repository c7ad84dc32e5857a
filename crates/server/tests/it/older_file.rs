//! An older file of a tenant under the `-wal` of its newer one, as after a copy that was restored by hand.

use super::{
    binary::{run, start, stdout},
    records::patient,
};
use serde_json::json;

#[test]
fn an_older_file_under_a_newer_wal_is_refused_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(start(dir.path(), "demo").terminate(), Some(0));
    let file = dir.path().join("tenantry-data/databases/tenant_green-clinic_1.db");
    let older = std::fs::read(&file).unwrap();
    let server = start(dir.path(), "serve");
    let owner = server.log_in("owner@green-clinic.example");
    for n in 0..150 {
        let grown = patient(&format!("Grown {n}"));
        let made = || server.ask("POST", "/api/records/patients", &owner, Some(&grown));
        let mut made_now = made();
        while made_now.0 == 429 {
            std::thread::sleep(std::time::Duration::from_secs(1));
            made_now = made();
        }
        assert_eq!(made_now.0, 201, "{}", made_now.1);
    }
    assert_eq!(server.terminate(), Some(0));
    assert!(std::fs::metadata(&file).unwrap().len() > older.len() as u64 + 8192);
    let server = start(dir.path(), "serve");
    let change = json!({"first_name": "Last"});
    assert_eq!(server.ask("PATCH", "/api/records/patients/1", &owner, Some(&change)).0, 200);
    server.signal("KILL");
    drop(server);
    std::fs::write(&file, &older).unwrap();
    let server = start(dir.path(), "serve");
    for (method, path, body) in [
        ("GET", "/api/records/patients", None),
        ("GET", "/api/records/patients/1", None),
        ("POST", "/api/records/patients", Some(patient("New"))),
    ] {
        let (status, answer) = server.ask(method, path, &owner, body.as_ref());
        assert_eq!((status, &answer["code"]), (503, &json!("database_damaged")), "{method} {path}: {answer}");
    }
    drop(server);
    assert_eq!(std::fs::read(&file).unwrap(), older, "nothing was written into it");
    let check = run(dir.path(), &["check", "--tenant", "green-clinic"]);
    assert!(!check.status.success(), "{}", stdout(&check));
}
