//! T1, T5, `confined-query`: three tenants share the tables of a pool, with the same ids. Whatever one tenant does, it
//! neither sees, changes nor blocks rows of the others, and is not blocked by them.

use crate::records_kit::*;
use tenantry_engine::{
    Kind,
    overrides::OverrideRow,
    query::{Direction, Filter, Operator, RecordId, Select},
    value::Value,
};

/// Creates three tenants with doctors 1 to 4 (2 mentors 3), a hospital and an order each. Returns the ids of the
/// hospitals.
fn town(case: Case) -> (Kit, Vec<RecordId>) {
    let mut kit = Kit::new(case);
    let mut hospitals = vec![];
    for tenant in TENANTS {
        let hospital =
            kit.act_as(tenant).one(insert("hospitals", &[("name", format!("canary{tenant}").into())]));
        for n in 1..=4_i64 {
            let (text, email) = (format!("canary{tenant} doctor {n}"), format!("{n}@x"));
            let mut list = vec![("name", Value::from(text)), ("email", email.into()), ("age", n.into())];
            list.push(("hospital", hospital.row[0].clone()));
            list.push(("mentor", if n == 3 { 2.into() } else { Value::Null }));
            kit.one(insert("doctors", &list));
        }
        kit.one(insert("order", &[("doctor", tenant_doctor(tenant).into())]));
        hospitals.push(hospital.id);
    }
    kit.act_as(TENANTS[0]);
    (kit, hospitals)
}

/// Returns the doctor of the tenant's only order. The doctor's id differs between tenants.
fn tenant_doctor(tenant: i64) -> i64 {
    if tenant == TENANTS[0] { 1 } else { 4 }
}

fn own(rows: &[Vec<Value>], tenant: i64) {
    let text = format!("{rows:?}");
    for other in TENANTS.iter().filter(|t| **t != tenant) {
        assert!(!text.contains(&format!("canary{other}")), "tenant {tenant} sees {other}: {text}");
    }
}

#[test]
fn reads_by_id_stay_inside() {
    for case in pooled() {
        let (mut kit, hospitals) = town(case);
        for (index, tenant) in TENANTS.into_iter().enumerate() {
            kit.act_as(tenant);
            own(&[kit.get("doctors", &RecordId::Integer(2)).unwrap()], tenant);
            for (other, hospital) in hospitals.iter().enumerate() {
                assert_eq!(kit.get("hospitals", hospital).is_some(), other == index);
            }
            let rows = kit.by_ids("hospitals", &hospitals);
            assert_eq!(rows.len(), 1);
            own(&rows, tenant);
            let missing = kit.missing("hospitals", &hospitals);
            assert_eq!(missing.len(), 2);
            assert!(!missing.contains(&hospitals[index]));
            for (other, hospital) in hospitals.iter().enumerate() {
                assert_eq!(kit.refers("doctors", "hospital", hospital), other == index);
            }
            let ordered = |doctor| kit.refers("order", "doctor", &RecordId::Integer(doctor));
            assert_eq!((ordered(1), ordered(4)), (index == 0, index != 0));
        }
        kit.act_as(99);
        assert_eq!(kit.no_session(), Kind::WrongIdentity, "a tenant that does not live here");
    }
}

#[test]
fn lists_counts_searches_and_cursors_stay_inside() {
    for case in pooled() {
        let (mut kit, _) = town(case);
        let tautologies = [
            Filter::All(vec![]),
            Filter::Not(Box::new(Filter::Any(vec![]))),
            Filter::Any(vec![Filter::Null(name("age"), true), Filter::Null(name("age"), false)]),
            Filter::Any(vec![Filter::All(vec![]), Filter::Compare(name("id"), Operator::Ne, 99.into())]),
            Filter::In(name("id"), (0..10).map(Value::Integer).collect()),
        ];
        let over = [OverrideRow::of_shared(RecordId::Integer(2), r#"{"name":"mine canary","age":50}"#)];
        let foreign = vec![Value::Integer(2), Value::Integer(2)]; // a cursor that another tenant was given
        for tenant in TENANTS {
            kit.act_as(tenant);
            for filter in &tautologies {
                for merge in [None, Some(&over[..])] {
                    for search in [None, Some("canary"), Some("doctor")] {
                        let sort = vec![(name("age"), Direction::Ascending).into()];
                        let search = search.map(str::to_owned);
                        let select = Select {
                            filter: filter.clone(),
                            search: search.clone(),
                            sort,
                            limit: 3,
                            ..Select::default()
                        };
                        let rows = kit.pages("doctors", &select, merge).unwrap();
                        own(&rows, tenant);
                        assert_eq!(kit.count(filter, search.as_deref(), merge).unwrap(), rows.len() as u64);
                        assert!(rows.len() <= 4);
                        let select = Select { after: Some(foreign.clone()), ..select };
                        own(&kit.pages("doctors", &select, merge).unwrap(), tenant);
                    }
                }
            }
            for other in TENANTS {
                let found = kit.count(&Filter::All(vec![]), Some(&format!("canary{other}")), None).unwrap();
                assert_eq!(found, if other == tenant { 4 } else { 0 });
            }
        }
    }
}

#[test]
fn changes_stay_inside() {
    for case in pooled() {
        let (mut kit, hospitals) = town(case);
        let others = |kit: &Kit| kit.side().other_doctors();
        let before = others(&kit);
        // No other tenant knows a UUID id, and a stolen one is useless.
        assert_eq!(
            kit.refused(&[update("hospitals", &hospitals[1], None, &[("name", "stolen".into())])]),
            Kind::NotFound
        );
        assert_eq!(
            kit.refused(&[update("hospitals", &hospitals[1], Some(9), &[])]),
            Kind::NotFound,
            "no version of a stranger"
        );
        assert_eq!(kit.refused(&[delete("hospitals", &hospitals[1], None)]), Kind::NotFound);
        let RecordId::Uuid(foreign) = hospitals[1] else { panic!() };
        let at_theirs = insert("doctors", &[("name", "n".into()), ("hospital", Value::Uuid(foreign))]);
        assert_eq!(kit.refused(&[at_theirs]), dangling_to("hospital", &format!("{foreign} of hospitals")));
        // Every tenant may have the same id and the same unique value.
        let same = insert_as("hospitals", hospitals[1].clone(), &[("name", "same id".into())]);
        kit.one(same);
        assert_eq!(
            kit.refused(&[insert("doctors", &[("name", "n".into()), ("email", "1@x".into())])]),
            Kind::Unique(vec!["email".into()])
        );
        kit.one(insert("doctors", &[("name", "n".into()), ("email", "5@x".into())]));
        kit.act_as(8).one(insert("doctors", &[("name", "n".into()), ("email", "5@x".into())]));
        kit.one(delete("doctors", &RecordId::Integer(5), None));
        kit.act_as(7);
        // The tenant's own order protects doctor 1; the neighbour's order does not protect the tenant's doctor 4.
        assert_eq!(
            kit.refused(&[delete("doctors", &RecordId::Integer(1), None)]),
            Kind::Reference("order".into())
        );
        kit.one(delete("doctors", &RecordId::Integer(4), None));
        kit.one(delete("doctors", &RecordId::Integer(2), None));
        let pupil = kit.get("doctors", &RecordId::Integer(3)).unwrap();
        assert_eq!(kit.column("doctors", &pupil, "mentor"), Value::Null);
        kit.one(update("doctors", &RecordId::Integer(3), None, &[("name", "changed".into())]));
        assert_eq!(others(&kit), before, "nothing of the neighbours moved");
        assert_eq!(kit.one(insert("doctors", &[("name", "next".into())])).id, RecordId::Integer(6));
        let rows = |tenant| kit.side().counters(tenant).rows;
        assert_eq!((rows(7), rows(8), rows(9)), (7, 6, 6));
    }
}

#[test]
fn a_fence_stops_its_tenant_only() {
    for case in pooled() {
        let (mut kit, _) = town(case);
        kit.side().set_state(Some(8), "fenced");
        let change = [update("doctors", &RecordId::Integer(1), None, &[("age", 9.into())])];
        kit.apply(&change).unwrap();
        assert_eq!(kit.act_as(8).refused(&change), Kind::Fenced);
        kit.act_as(9).apply(&change).unwrap();
    }
}
