//! New tables: both isolations have the documented layout, and the database itself refuses invalid rows.

use crate::schema_kit::{CLINIC, load, memory};
use rusqlite::Connection;
use tenantry_engine::{internals::ddl, migration::State, place::Isolation};

fn clinic(isolation: Isolation) -> Connection {
    let models = load(CLINIC).unwrap();
    let state = State::of(&models);
    let conn = memory();
    for model in models.iter().filter(|m| m.store.as_str() == "tenant") {
        for sql in ddl::create(model, &state, isolation).unwrap() {
            conn.execute_batch(&sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        }
    }
    conn
}

const COMMON: &str = "created_at, updated_at";
const NOW: &str = "'2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z'";

#[test]
fn own_database_has_real_keys_defaults_and_checks() {
    let conn = clinic(Isolation::Database);
    let insert = |columns: &str, values: &str| {
        conn.execute(&format!("INSERT INTO doctors ({columns}, {COMMON}) VALUES ({values}, {NOW})"), [])
    };
    insert("name, region", "'Ann', 7").unwrap();
    let row: (i64, i64, String, String) = conn
        .query_row("SELECT fee, active, seen, extra FROM doctors", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
        })
        .unwrap();
    assert_eq!(row, (1250, 1, "2026-01-31T12:00:00.000000Z".into(), "{\"note\":\"it's\"}".into()));
    for (columns, values) in [
        ("name", "'No region'"),
        ("name, region, active", "'x', 1, 2"),
        ("name, region, extra", "'x', 1, '{'"),
        ("name, region, rooms", "'x', 1, 'many'"),
        ("name, region, mentor", "'x', 1, 99"),
        ("name, region, hospital", "'x', 1, 'nowhere'"),
        ("name, region", "'Ann', 1"),
    ] {
        assert!(insert(columns, values).is_err(), "{columns}: {values}");
    }
}

#[test]
fn pooled_references_cannot_leave_the_tenant() {
    let conn = clinic(Isolation::Pooled);
    let doctor = |tenant: i64, id: i64, mentor: &str| {
        conn.execute(
            &format!(
                "INSERT INTO doctors (tenant_id, id, name, region, mentor, {COMMON})
                 VALUES ({tenant}, {id}, 'N{id}', 1, {mentor}, {NOW})"
            ),
            [],
        )
    };
    doctor(1, 1, "NULL").unwrap();
    doctor(2, 1, "NULL").unwrap();
    doctor(1, 2, "1").unwrap();
    doctor(2, 3, "3").unwrap();
    assert!(doctor(1, 4, "3").is_err(), "tenant 1 refers to a row of tenant 2");
    assert!(doctor(1, 1, "NULL").is_err(), "id used twice in one tenant");
    let leading: i64 = conn
        .query_row(
            "SELECT count(*) FROM pragma_index_list('doctors') l
             WHERE NOT EXISTS (SELECT 1 FROM pragma_index_info(l.name) i WHERE i.seqno = 0 AND i.name = 'tenant_id')",
            [],
            |r| r.get(0),
        )
        .unwrap();
    assert_eq!(leading, 0, "every index starts with the tenant column");
}

#[test]
fn search_follows_insert_update_and_delete() {
    for isolation in [Isolation::Database, Isolation::Pooled] {
        let conn = clinic(isolation);
        let tenant = if isolation == Isolation::Pooled { ("tenant_id,", "1,") } else { ("", "") };
        conn.execute_batch(&format!(
            "INSERT INTO hospitals ({} id, name, {COMMON}) VALUES ({} 'h1', 'Élan vital', {NOW})",
            tenant.0, tenant.1
        ))
        .unwrap();
        let hits = |word: &str| -> i64 {
            conn.query_row("SELECT count(*) FROM hospitals__fts WHERE hospitals__fts MATCH ?", [word], |r| {
                r.get(0)
            })
            .unwrap()
        };
        assert_eq!(hits("elan"), 1);
        conn.execute_batch("UPDATE hospitals SET name = 'Mercy'").unwrap();
        assert_eq!((hits("elan"), hits("mercy")), (0, 1));
        conn.execute_batch("DELETE FROM hospitals").unwrap();
        assert_eq!(hits("mercy"), 0);
        conn.execute_batch("INSERT INTO hospitals__fts(hospitals__fts) VALUES ('integrity-check')").unwrap();
    }
}
