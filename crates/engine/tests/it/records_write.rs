//! Writes: the same cases on every database and in every isolation.

use crate::records_kit::*;
use tenantry_engine::{Kind, Usage, query::RecordId, value::Value};

fn doctor(text: &str) -> tenantry_engine::query::Change {
    insert("doctors", &[("name", text.into())])
}

#[test]
fn a_row_comes_back_as_written() {
    for case in cases() {
        let kit = Kit::new(case);
        let hospital = kit.one(insert("hospitals", &[("name", "City".into())]));
        let RecordId::Uuid(hospital_id) = hospital.id else { panic!("a UUID was asked for") };
        let given = [
            ("name", Value::from("Dr \"Ö\" \\ \n☃")),
            ("email", "a@b.c".into()),
            ("age", 44.into()),
            ("fee", decimal("12.5")),
            ("active", false.into()),
            ("born", Value::Date("1980-02-29".parse().unwrap())),
            ("seen", Value::DateTime("2026-01-02T03:04:05.678901999Z".parse().unwrap())),
            ("extra", Value::Json(serde_json::json!({"a": [1, null, "x"]}))),
            ("photo", Value::Json(serde_json::json!({"name": "p.png"}))),
            ("level", "senior".into()),
            ("hospital", Value::Uuid(hospital_id)),
            ("region", 5.into()),
        ];
        let written = kit.one(insert("doctors", &given));
        let row = kit.get("doctors", &written.id).unwrap();
        assert_eq!(row, written.row);
        for (field, value) in given.iter().filter(|(field, _)| !["seen", "fee"].contains(field)) {
            assert_eq!(kit.column("doctors", &row, field), *value, "{field} {case:?}");
        }
        assert_eq!(kit.column("doctors", &row, "fee"), decimal("12.50"));
        let seen = Value::DateTime("2026-01-02T03:04:05.678901Z".parse().unwrap());
        assert_eq!(kit.column("doctors", &row, "seen"), seen, "kept to the microsecond");
        assert_eq!((written.version, kit.column("doctors", &row, "mentor")), (1, Value::Null));
    }
}

#[test]
fn defaults_fill_what_is_absent_and_null_stays_null() {
    for case in cases() {
        let kit = Kit::new(case);
        let row = kit.one(doctor("a")).row;
        assert_eq!(kit.column("doctors", &row, "fee"), decimal("10.00"));
        assert_eq!(kit.column("doctors", &row, "active"), true.into());
        let row = kit.one(insert("doctors", &[("name", "b".into()), ("fee", Value::Null)])).row;
        assert_eq!(kit.column("doctors", &row, "fee"), Value::Null);
    }
}

#[test]
fn values_that_break_a_rule_name_field_and_rule() {
    let name = ("name", Value::from("x"));
    let bad: Vec<(&str, Value, &str)> = vec![
        ("name", Value::Null, "is required"),
        ("name", "x".repeat(41).into(), "must have at most 40 characters"),
        ("name", "a\0b".into(), "must not contain a NUL character"),
        ("name", 1.into(), "must be a text"),
        ("age", (-1).into(), "must be at least 0"),
        ("age", 151.into(), "must be at most 150"),
        ("age", "1".into(), "must be a whole number"),
        ("fee", decimal("1.234"), "must have at most 2 decimals"),
        ("fee", decimal("10000000000000000.00"), "must have at most 18 digits"),
        ("level", "boss".into(), "must be one of junior, senior"),
        ("active", Value::Null, "is required"),
        ("photo", Value::Json(1.into()), "must be the description of a file"),
        ("hospital", 1.into(), "must be a UUID"),
        ("nonsense", 1.into(), "unknown field"),
        ("version", 1.into(), "is set by the platform"),
        ("company_id", 1.into(), "unknown field"),
    ];
    for case in cases() {
        let kit = Kit::new(case);
        let id = kit.one(doctor("good")).id;
        for (field, value, rule) in &bad {
            let kind = Kind::Invalid((*field).into(), (*rule).into());
            let mut list = vec![(*field, value.clone())];
            assert_eq!(kit.refused(&[update("doctors", &id, None, &list)]), kind);
            if *field != "name" {
                list.push(name.clone());
            }
            let error = kit.error(&[doctor("first"), insert("doctors", &list)]);
            assert_eq!((error.kind(), error.index()), (&kind, Some(1)));
        }
        assert_eq!(
            kit.refused(&[insert("doctors", &[])]),
            Kind::Invalid("name".into(), "is required".into())
        );
        assert_eq!(kit.stored("doctors"), 1, "nothing of a refused batch stays");
    }
}

#[test]
fn versions_rise_and_conflicts_tell_the_current_one() {
    for case in cases() {
        let kit = Kit::new(case);
        let id = kit.one(doctor("a")).id;
        let written = kit.one(update("doctors", &id, Some(1), &[("age", 5.into())]));
        assert_eq!((written.version, kit.column("doctors", &written.row, "age")), (2, 5.into()));
        assert_eq!(kit.refused(&[update("doctors", &id, Some(1), &[("age", 6.into())])]), Kind::Conflict(2));
        assert_eq!(kit.refused(&[delete("doctors", &id, Some(1))]), Kind::Conflict(2));
        assert_eq!(kit.one(delete("doctors", &id, Some(2))).version, 2);
        assert_eq!(kit.refused(&[delete("doctors", &id, None)]), Kind::NotFound);
        assert_eq!(kit.refused(&[update("doctors", &id, None, &[])]), Kind::NotFound);
        assert_eq!(kit.refused(&[delete("hospitals", &id, None)]), Kind::NotFound, "an id of the other kind");
    }
}

#[test]
fn ids_are_never_reused() {
    for case in cases() {
        let kit = Kit::new(case);
        assert_eq!(kit.one(doctor("a")).id, RecordId::Integer(1));
        let second = kit.one(doctor("b")).id;
        kit.one(delete("doctors", &second, None));
        assert_eq!(kit.one(doctor("c")).id, RecordId::Integer(3), "{case:?}");
        kit.one(insert_as("doctors", RecordId::Integer(10), &[("name", "d".into())]));
        kit.one(insert_as("doctors", RecordId::Integer(5), &[("name", "e".into())]));
        assert_eq!(kit.one(doctor("f")).id, RecordId::Integer(11));
        let taken = insert_as("doctors", RecordId::Integer(10), &[("name", "g".into())]);
        assert_eq!(kit.refused(&[taken]), Kind::Unique(vec!["id".into()]));
        for bad in [0, -1, i64::MAX] {
            let change = insert_as("doctors", RecordId::Integer(bad), &[("name", "h".into())]);
            assert!(matches!(kit.refused(&[change]), Kind::Invalid(field, _) if field == "id"));
        }
    }
}

#[test]
fn unique_fields_clash_by_name() {
    for case in cases() {
        let kit = Kit::new(case);
        let born = Value::Date("2000-01-01".parse().unwrap());
        let first = [("name", "a".into()), ("email", "x".into()), ("born", born.clone())];
        let id = kit.one(insert("doctors", &first)).id;
        let same = insert("doctors", &[("name", "b".into()), ("email", "x".into())]);
        let error = kit.error(&[doctor("z"), same]);
        assert_eq!((error.kind(), error.index()), (&Kind::Unique(vec!["email".into()]), Some(1)));
        let pair = insert("doctors", &[("name", "a".into()), ("born", born)]);
        assert_eq!(kit.refused(&[pair]), Kind::Unique(vec!["name".into(), "born".into()]));
        kit.one(update("doctors", &id, None, &[("email", "x".into())]));
    }
}

#[test]
fn references_are_checked_protected_and_emptied() {
    for case in cases() {
        let kit = Kit::new(case);
        let uuid = uuid::Uuid::now_v7();
        let nowhere = Value::Uuid(uuid);
        let dangling = insert("doctors", &[("name", "a".into()), ("hospital", nowhere.clone())]);
        assert_eq!(kit.refused(&[dangling]), dangling_to("hospital", &format!("{uuid} of hospitals")));
        let hospital = kit.one(insert("hospitals", &[("name", "City".into())]));
        let at = hospital.row[0].clone();
        let mentor = kit.one(insert("doctors", &[("name", "m".into()), ("hospital", at)])).id;
        let RecordId::Integer(mentor_number) = mentor else { panic!() };
        let pupil = kit.one(insert("doctors", &[("name", "p".into()), ("mentor", mentor_number.into())])).id;
        assert_eq!(
            kit.refused(&[update("doctors", &pupil, None, &[("mentor", 99.into())])]),
            dangling_to("mentor", "99 of doctors")
        );
        assert_eq!(
            kit.refused(&[delete("hospitals", &hospital.id, None)]),
            Kind::Reference("doctors".into())
        );
        let order = kit.one(insert("order", &[("doctor", mentor_number.into()), ("group", "g".into())])).id;
        let error = kit.error(&[delete("doctors", &mentor, None)]);
        assert_eq!(error.kind(), &Kind::Reference("order".into()));
        let kept = kit.get("doctors", &pupil).unwrap();
        assert_eq!(kit.column("doctors", &kept, "mentor"), mentor_number.into(), "rolled back with the rest");
        kit.apply(&[delete("order", &order, None), delete("doctors", &mentor, None)]).unwrap();
        let row = kit.get("doctors", &pupil).unwrap();
        assert_eq!(kit.column("doctors", &row, "mentor"), Value::Null);
        assert_eq!(row.last(), Some(&Value::Integer(2)), "emptying a reference is an update");
    }
}

#[test]
fn one_refused_row_of_many_is_named() {
    for case in cases() {
        let kit = Kit::new(case);
        let RecordId::Integer(doctor) = kit.one(doctor("a")).id else { panic!() };
        let order =
            |doctor: i64, group: &str| insert("order", &[("doctor", doctor.into()), ("group", group.into())]);
        let many = |wrong: Option<i64>| -> Vec<_> {
            (0..50).map(|n| order(if Some(n) == wrong { 99 } else { doctor }, &n.to_string())).collect()
        };
        let error = kit.error(&many(Some(23)));
        assert_eq!((error.kind(), error.index()), (&dangling_to("doctor", "99 of doctors"), Some(23)));
        assert_eq!(kit.counted().rows, 1);
        for (n, written) in kit.apply(&many(None)).unwrap().iter().enumerate() {
            assert_eq!(kit.column("order", &written.row, "group"), n.to_string().into());
            assert_eq!(kit.get("order", &written.id).as_ref(), Some(&written.row));
        }
        assert_eq!(kit.counted(), kit.recounted());
    }
}

#[test]
fn a_row_refers_to_rows_before_it_only() {
    for case in cases() {
        let kit = Kit::new(case);
        let pupil = |mentor: i64| insert("doctors", &[("name", "p".into()), ("mentor", mentor.into())]);
        let error = kit.error(&[pupil(2), doctor("m")]);
        assert_eq!((error.kind(), error.index()), (&dangling_to("mentor", "2 of doctors"), Some(0)));
        kit.apply(&[doctor("m"), pupil(1)]).unwrap();
    }
}

#[test]
fn a_row_that_refers_to_itself_can_go_at_its_version() {
    for case in cases() {
        let kit = Kit::new(case);
        let id = kit.one(insert("doctors", &[("name", "m".into()), ("mentor", 1.into())])).id;
        let gone = kit.one(delete("doctors", &id, Some(1)));
        assert_eq!((gone.version, kit.column("doctors", &gone.row, "mentor")), (1, 1.into()));
        assert_eq!(kit.counted(), Usage { rows: 0, bytes: 0 });
    }
}

#[test]
fn fence_and_generation_stop_writes_before_anything_else() {
    for case in cases() {
        let mut kit = Kit::new(case);
        let id = kit.one(doctor("a")).id;
        kit.side().set_state(None, "fenced");
        assert_eq!(kit.refused(&[doctor("b")]), Kind::Fenced);
        assert_eq!(kit.refused(&[update("doctors", &id, None, &[])]), Kind::Fenced);
        kit.side().set_state(None, "open");
        kit.side().remove("doctors");
        kit.place.generation = 2;
        assert_eq!(kit.refused(&[doctor("c")]), Kind::Fenced);
        assert_eq!(
            kit.refused(&[delete("doctors", &id, None)]),
            Kind::Fenced,
            "a stale handle never learns NotFound"
        );
        assert_eq!(kit.stored("doctors"), 0);
    }
}

#[test]
fn limits_hold_inside_the_transaction_and_shrinking_is_free() {
    for case in cases() {
        let mut kit = Kit::new(case);
        kit.options.max_rows = Some(2);
        let id = kit.one(doctor("a")).id;
        assert_eq!(kit.refused(&[doctor("b"), doctor("c")]), Kind::Limit("rows"));
        kit.one(doctor("b"));
        assert_eq!(kit.refused(&[doctor("c")]), Kind::Limit("rows"));
        kit.options.max_rows = Some(0);
        kit.one(update("doctors", &id, None, &[("age", 1.into())]));
        kit.one(delete("doctors", &id, None));
        assert_eq!(kit.counted().rows, 1);
    }
}

#[test]
fn counted_bytes_are_what_is_stored() {
    for case in cases() {
        bytes_are_what_is_stored(Kit::new(case));
    }
}

fn bytes_are_what_is_stored(mut kit: Kit) {
    let bytes = |kit: &Kit| kit.counted().bytes;
    let a = kit.one(insert("doctors", &[("name", "a".into()), ("notes", "x".repeat(100).into())])).id;
    let first = bytes(&kit);
    assert!(first > 100);
    assert_eq!(kit.usage().unwrap(), kit.counted());
    kit.one(update("doctors", &a, None, &[("notes", "x".repeat(50).into())]));
    assert_eq!(bytes(&kit), first - 50);
    let RecordId::Integer(number) = a else { panic!() };
    let pupil = kit.one(insert("doctors", &[("name", "b".into()), ("mentor", number.into())])).id;
    kit.options.max_bytes = Some(bytes(&kit));
    assert_eq!(
        kit.refused(&[update("doctors", &a, None, &[("notes", "x".repeat(51).into())])]),
        Kind::Limit("bytes")
    );
    kit.apply(&[delete("doctors", &a, None), delete("doctors", &pupil, None)]).unwrap();
    assert_eq!(bytes(&kit), 0, "emptied references count too");
}

#[test]
fn activity_is_logged_where_asked_without_personal_data() {
    for case in cases() {
        let mut kit = Kit::new(case);
        kit.one(doctor("a"));
        assert!(kit.side().log().is_empty());
        let hospital = kit.one(insert("hospitals", &[("name", "old".into())])).id;
        kit.one(update("hospitals", &hospital, None, &[("name", "new".into())]));
        let updates = kit.side().log().into_iter().filter(|line| line.action == "update");
        assert_eq!(updates.map(|line| line.detail).collect::<Vec<_>>(), [r#"{"name":["old","new"]}"#]);
        kit.options.log_all = true;
        kit.options.impersonator = Some("root".into());
        kit.one(insert("doctors", &[("name", "b".into()), ("email", "secret@x".into())]));
        kit.one(delete("doctors", &RecordId::Integer(2), None));
        kit.error(&[doctor("c"), delete("doctors", &RecordId::Integer(99), None)]);
        let log = kit.side().log();
        assert_eq!(log.iter().filter(|line| line.tenant == 7 && line.actor == "ann").count(), 4);
        assert_eq!(log.iter().filter(|line| line.impersonator == "root").count(), 2);
        assert!(log.iter().all(|line| !line.detail.contains("secret")));
    }
}

#[test]
fn counters_equal_what_a_recount_finds() {
    for case in cases() {
        let kit = Kit::new(case);
        let json = Value::Json(serde_json::json!({"ключ": [1.5, "é"]}));
        let first =
            [("name", "Łódź".into()), ("extra", json), ("fee", decimal("1.10")), ("region", 3.into())];
        let id = kit.one(insert("doctors", &first)).id;
        let RecordId::Integer(number) = id else { panic!() };
        kit.one(insert(
            "doctors",
            &[("name", "b".into()), ("mentor", number.into()), ("level", "junior".into())],
        ));
        kit.one(insert("hospitals", &[("name", "City".into())]));
        kit.one(update("doctors", &id, None, &[("notes", "ß".repeat(10).into()), ("extra", Value::Null)]));
        kit.one(delete("doctors", &id, None));
        let counted = kit.counted();
        assert_eq!(counted.rows, 2);
        assert!(counted.bytes > 0);
        assert_eq!(kit.recounted(), counted);
    }
}

/// Catching up relies on this recording.
#[test]
fn while_a_place_records_each_touched_record_is_noted() {
    for case in cases() {
        let mut kit = Kit::new(case);
        let noted = |kit: &Kit| kit.side().noted();
        kit.one(doctor("before"));
        assert_eq!(noted(&kit), Vec::<String>::new(), "{case:?}");
        runtime().block_on(kit.engine.record_changes(&kit.place, 9)).unwrap();
        kit.one(insert("doctors", &[("name", "pupil".into()), ("mentor", 1.into())]));
        kit.one(doctor("third"));
        kit.one(update("doctors", &RecordId::Integer(3), None, &[("age", 40.into())]));
        kit.one(delete("doctors", &RecordId::Integer(1), None));
        assert_eq!(
            noted(&kit),
            ["doctors 1", "doctors 2", "doctors 3"],
            "{case:?}: the pupil lost its mentor"
        );
        kit.error(&[doctor("fourth"), delete("doctors", &RecordId::Integer(99), None)]);
        kit.options.dry_run = true;
        kit.one(doctor("fifth"));
        kit.options.dry_run = false;
        assert_eq!(noted(&kit).len(), 3, "{case:?}: nothing of what was not stored");
        if case.isolation.is_pooled() {
            kit.act_as(8).one(doctor("of another"));
            kit.act_as(7);
        }
        runtime().block_on(kit.engine.stop_recording(&kit.place, 9)).unwrap();
        assert_eq!(noted(&kit), Vec::<String>::new(), "{case:?}");
        kit.one(doctor("after"));
        assert_eq!(noted(&kit), Vec::<String>::new(), "{case:?}");
    }
}
