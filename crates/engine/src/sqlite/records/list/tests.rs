//! Checks the query plans of lists: SQLite walks an index in order wherever the cost is "short".

use super::*;
use crate::{list::lab, migration::State, model::Model, name::FieldName, place::Isolation, query::Direction};
use std::sync::Arc;

fn people() -> Model {
    let json = serde_json::json!({
        "app": "clinic", "name": "people", "label": "", "store": "tenant", "id": "integer", "display": null,
        "fields": [
            {"name": "name", "kind": {"type": "text", "max_length": null}, "label": "", "required": true,
             "unique": false, "index": true, "search": false, "personal": false, "default": null},
            {"name": "age", "kind": {"type": "integer", "min": null, "max": null}, "label": "", "required": false,
             "unique": false, "index": true, "search": false, "personal": false, "default": null},
        ],
        "indexes": [], "permissions": {"read": [], "create": [], "update": [], "delete": []},
        "tenant_field": "company_id", "overrides": null, "audit": false,
    });
    serde_json::from_value(json).unwrap()
}

/// Returns the query plan of a list of people, one step per line.
fn steps(isolation: Isolation, select: &Select) -> String {
    steps_of(vec![people()], "people", isolation, select)
}

fn steps_of(models: Vec<Model>, model: &str, isolation: Isolation, select: &Select) -> String {
    let conn = Connection::open_in_memory().unwrap();
    super::add_functions(&conn).unwrap();
    let state = State::of(&models);
    for model in &models {
        let ddl = crate::sqlite::schema::ddl::create(model, &state, isolation).unwrap();
        conn.execute_batch(&ddl.join(";")).unwrap();
    }
    let store = models[0].store.clone();
    let schema = Schema::new(store, models.into_iter().map(Arc::new).collect(), &[]).unwrap();
    let plan = schema.require(model).unwrap();
    let who = Confinement { isolation, tenant: 7, generation: 1, ledger: 0 };
    let order = order(&schema, plan, &select.sort).unwrap();
    let projection = plan.project(&[]).unwrap();
    let query = Query::new(&schema, plan, &who, "SELECT ");
    let mut query = compile(query, &conn, select, &projection, &order, None).unwrap();
    query.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
    let mut statement = conn.prepare(&query.sql).unwrap();
    let params = query.params(&statement);
    let steps = statement.query_map(params.as_slice(), |row| row.get::<_, String>(3)).unwrap();
    steps.map(Result::unwrap).collect::<Vec<_>>().join("\n")
}

fn sorted(field: &str, direction: Direction, after: Option<Vec<Value>>) -> Select {
    Select { sort: vec![(FieldName::parse(field).unwrap(), direction).into()], after, ..Select::default() }
}

#[test]
fn pages_by_id_walk_the_key() {
    for after in [None, Some(vec![Value::Integer(5)])] {
        let select = Select { after: after.clone(), ..Select::default() };
        let own = steps(Isolation::Database, &select);
        assert!(
            !own.contains("TEMP B-TREE") && own.contains("INTEGER PRIMARY KEY") == after.is_some(),
            "{own}"
        );
        let pooled = steps(Isolation::Pooled, &select);
        assert!(pooled.contains("company_id=?") && !pooled.contains("TEMP B-TREE"), "{pooled}");
    }
}

#[test]
fn pages_by_an_indexed_field_walk_its_index_both_ways() {
    for direction in [Direction::Ascending, Direction::Descending] {
        for after in [None, Some(vec!["m".into(), Value::Integer(5)])] {
            let select = sorted("name", direction, after);
            let own = steps(Isolation::Database, &select);
            assert!(
                own.contains("people__name__idx") && !own.contains("TEMP B-TREE"),
                "{direction:?}: {own}"
            );
            let pooled = steps(Isolation::Pooled, &select);
            // only rows with equal names are sorted by id
            assert!(pooled.contains("people__name__idx (company_id=?"), "{direction:?}: {pooled}");
            assert!(!pooled.contains("USE TEMP B-TREE FOR ORDER BY"), "{direction:?}: {pooled}");
        }
    }
}

/// Documents by state and by date, as FBS declares them.
#[test]
fn lists_by_state_and_by_date_walk_the_composite_indexes() {
    for isolation in [Isolation::Database, Isolation::Pooled] {
        for (select, index) in lab::lists() {
            let plan = steps_of(lab::documents(), "documents", isolation, &select);
            let wanted =
                if isolation.is_pooled() { format!("{index} (company_id=?") } else { index.to_owned() };
            assert!(plan.contains(&wanted), "{isolation:?}: {plan}");
            assert!(!plan.contains("USE TEMP B-TREE FOR ORDER BY"), "{isolation:?}: {plan}");
        }
    }
}
