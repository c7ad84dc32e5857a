//! Databases that are copied from a template, and named from what the template says of itself.

use crate::{
    postgres_doctors::{Doctors, place as place_of},
    postgres_kit::*,
    transfer_kit::migrations,
};
use tenantry_engine::place::{Isolation, Place};

/// Returns the rights in a tenant's database, its seal and its comment, without the tenant's number.
async fn rights(home: &Home, place: &Place) -> Vec<String> {
    let database = home.name(place.physical.as_str());
    let sql = format!(
        "SELECT 'database ' || datacl::text FROM pg_database WHERE datname = '{database}' \
         UNION ALL SELECT 'schema ' || nspacl::text FROM pg_namespace WHERE nspname = 'public' \
         UNION ALL SELECT relname || ' ' || relacl::text FROM pg_class WHERE relkind = 'r' AND relacl IS NOT NULL \
           AND relnamespace = 'public'::regnamespace \
         UNION ALL SELECT 'default ' || defaclacl::text FROM pg_default_acl \
         UNION ALL SELECT 'marked ' || (shobj_description(oid, 'pg_database') LIKE 'Tenantry 2%') FROM pg_database \
           WHERE datname = '{database}' ORDER BY 1"
    );
    let number = format!("tenant_{}_", place.tenant.unwrap().get());
    let found = home.texts(&database, &sql).await;
    found.iter().map(|line| line.replace(&number, "tenant_N_")).collect()
}

#[tokio::test]
async fn a_copy_gets_its_name_from_what_its_template_says() {
    on_each_server(|home| async move {
        let doctors = Doctors::new(home.engine());
        let [asked, told, silent, wrong] =
            [1, 2, 3, 4].map(|number| place_of("pg", Isolation::Database, number, 1));
        doctors.make(&[asked.clone(), told.clone()]).await;
        let find = format!(
            "SELECT quote_ident(datname) FROM pg_database WHERE datistemplate AND starts_with(datname, '{}')",
            home.prefix
        );
        let template = home.texts("postgres", &find).await.pop().unwrap();
        let admin = home.admin("postgres").await;
        let comment = format!("COMMENT ON DATABASE {template} IS");
        admin.batch_execute(&format!("{comment} NULL")).await.unwrap();
        doctors.make(std::slice::from_ref(&silent)).await;
        // A seal that is not there, and a table: the database is asked instead.
        let nothing = r#"{"seal": "_tenantry_at_1_x", "lines": "", "models": "nothing"}"#;
        admin.batch_execute(&format!("{comment} '{nothing}'")).await.unwrap();
        doctors.make(std::slice::from_ref(&wrong)).await;
        let expected = rights(&home, &asked).await;
        assert!(expected.iter().any(|line| line.starts_with("doctors ")), "{expected:?}");
        for place in [&told, &silent, &wrong] {
            assert_eq!(rights(&home, place).await, expected, "{place}");
            doctors.write(place, "Ada").await.unwrap();
            assert_eq!(doctors.names(place, None).await.unwrap(), ["Ada"]);
            doctors.engine.migrate(place, &migrations(vec![])).await.unwrap();
        }
    })
    .await;
}
