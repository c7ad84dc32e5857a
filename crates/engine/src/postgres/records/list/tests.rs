//! Checks the query plans of lists: PostgreSQL walks an index in order.

use super::*;
use crate::{
    list::lab,
    migration::State,
    name::StoreName,
    place::Isolation,
    postgres::{
        records::{Bound, SCHEMA},
        schema::Layout,
    },
};
use std::sync::Arc;
use tenantry_testkit::postgres::{self, Home};
use tokio_postgres::{Client, NoTls};

/// Creates the tables of FBS, with rows, in the database of a new role.
async fn database(home: &Home, isolation: Isolation) -> Client {
    let (client, connection) = tokio_postgres::connect(home.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let models = lab::documents();
    let state = State::of(&models);
    for model in &models {
        let layout = Layout { model, state: &state, pooled: isolation.is_pooled() };
        let tables = layout.create_alone().unwrap().join(";\n");
        client.batch_execute(&tables).await.unwrap_or_else(|error| panic!("{error:?}: {tables}"));
    }
    let (column, tenant) = if isolation.is_pooled() { ("company_id, ", "n % 20, ") } else { ("", "") };
    let rows = format!(
        "INSERT INTO document_types ({column}id, code, name, created_at, updated_at) \
         SELECT {tenant}n, n::text, 'Type', now(), now() FROM generate_series(1, 20) n; \
         INSERT INTO documents ({column}id, number, title, document_type, state, created_at, updated_at) \
         SELECT {tenant}n, n::text, 'Title', 1, CASE WHEN n / 20 % 100 = 0 THEN 'pending' ELSE 'archived' END, \
         timestamptz '2025-01-01' + n * interval '1 hour', now() FROM generate_series(1, 40000) n; \
         ANALYZE"
    );
    client.batch_execute(&rows).await.unwrap_or_else(|error| panic!("{error:?}: {rows}"));
    client
}

async fn plan(client: &Client, isolation: Isolation, select: &Select) -> String {
    let models = lab::documents().into_iter().map(Arc::new).collect();
    let schema = Schema::new(StoreName::parse("djo").unwrap(), models, &[]).unwrap();
    let list = List::new(&schema, "documents", select).unwrap();
    let mut query = Query::new(&schema, list.plan, isolation);
    list.write(&mut query, None, &Overridden::default()).unwrap();
    let tenant = isolation.is_pooled().then_some(Bound::Integer(Some(7)));
    let params: Vec<_> = tenant.iter().chain(&query.values).map(Bound::param).collect();
    let text = format!("EXPLAIN {}", query.sql.replace(SCHEMA, "public"));
    let rows = client.query_typed(&text, &params).await.unwrap_or_else(|error| panic!("{error:?}: {text}"));
    rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn lists_by_state_and_by_date_walk_the_composite_indexes() {
    for server in postgres::servers() {
        for isolation in [Isolation::Database, Isolation::Pooled] {
            let home = Home::new(&server).await;
            let client = database(&home, isolation).await;
            for (select, index) in lab::lists() {
                let plan = plan(&client, isolation, &select).await;
                assert!(plan.contains(index), "{isolation:?}: {plan}");
                assert!(!plan.contains("-> Sort") && !plan.starts_with("Sort"), "{isolation:?}: {plan}");
                assert_eq!(plan.contains("company_id = "), isolation.is_pooled(), "{plan}");
            }
        }
    }
}
