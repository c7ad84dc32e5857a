//! The tables of another program, shaped as Odoo makes them: models made by inspection read them through views, and no
//! user writes there.

use super::{
    binary::{TestBinary, run, start, stdout},
    lives::fine,
};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tenantry::demo::PASSWORD;
use tenantry_testkit::postgres::{Home, servers};

/// Tables of Odoo 17, shortened, with some rows.
const ODOO: &str = "
CREATE TABLE res_partner (
    id serial PRIMARY KEY, name character varying, email character varying, is_company boolean, active boolean,
    parent_id integer REFERENCES res_partner, credit_limit double precision, company_registry character varying,
    date date, create_uid integer, create_date timestamp without time zone, write_date timestamp without time zone,
    message_bounce bytea);
COMMENT ON TABLE res_partner IS 'Contact';
COMMENT ON COLUMN res_partner.name IS 'Name';
CREATE TABLE product_template (
    id serial PRIMARY KEY, name jsonb NOT NULL, default_code character varying, list_price numeric, sale_ok boolean,
    description_sale jsonb, create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE sale_order (
    id serial PRIMARY KEY, name character varying NOT NULL, state character varying,
    partner_id integer NOT NULL REFERENCES res_partner, amount_total numeric, date_order timestamp without time zone NOT NULL,
    create_date timestamp without time zone, write_date timestamp without time zone);
CREATE TABLE res_company_users_rel (cid integer NOT NULL, user_id integer NOT NULL, PRIMARY KEY (cid, user_id));
INSERT INTO res_partner (name, is_company, active, credit_limit, create_date, write_date)
    VALUES ('Azure Interior', true, true, 1250.5, '2026-01-02 03:04:05.678', '2026-02-03 04:05:06'),
           ('Élan Traders', true, true, NULL, NULL, NULL);
INSERT INTO res_partner (name, parent_id, email) VALUES ('Brandon Freeman', 1, 'brandon@azure.example');
INSERT INTO product_template (name, list_price) VALUES ('{\"en_US\": \"Office chair\", \"az_AZ\": \"Ofis stulu\"}', 70.00);
INSERT INTO sale_order (name, state, partner_id, amount_total, date_order)
    SELECT 'S' || lpad(n::text, 5, '0'), CASE n % 3 WHEN 0 THEN 'draft' ELSE 'sale' END, 1 + n % 3, n * 1.25,
           timestamp '2026-03-01' + n * interval '1 hour' FROM generate_series(1, 40) AS n;";

const CONFIG: &str = "[platform]\ndata_dir = \"data\"\n[apps]\nlist = [\"odoo\"]\n[stores.control]\n[stores.shared]\n\
    [stores.fbs]\nname = \"fbs_{slug}_db\"\nprovision = \"external\"\nschema = \"tenantry\"\n[secrets]\nkey_file = \"keys\"\n\
    [plans.all]\nlabel = \"All\"\n[registration]\ndefault_plan = \"all\"\n";

const KEY: &str = "one 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

/// Makes an installation whose app is made of the tables of `home`, and the database of its owner.
async fn furnish(dir: &Path, home: &Home) {
    fs::write(dir.join("keys"), KEY).unwrap();
    fs::write(dir.join("url"), home.url()).unwrap();
    fs::create_dir_all(dir.join("apps/odoo")).unwrap();
    fs::write(dir.join("apps/odoo/app.toml"), "name = \"odoo\"\nlabel = \"Odoo\"\n").unwrap();
    fs::write(dir.join("tenantry.toml"), CONFIG).unwrap();
    let name = home.name();
    home.administer_in(&name, ODOO).await;
    home.administer_in(&name, &format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")).await;
    let tables = ["res_partner", "product_template", "sale_order"].join(",");
    let made =
        fine(dir, &["inspect", "--store", "fbs", "--url-file", "url", "--tables", &tables, "--app", "odoo"]);
    assert!(made.contains("res_partner.toml"), "{made}");
    // From now on the role reads the views only.
    home.administer_in(&name, &format!("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}")).await;
}

async fn make_views(dir: &Path, home: &Home) {
    let statements = fine(dir, &["schema", "--store", "fbs", "--sql"]);
    let (name, schema) = (home.name(), "tenantry");
    home.administer_in(&name, &statements).await;
    home.administer_in(&name, &format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {name}")).await;
    home.administer_in(&name, &format!("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {name}")).await;
}

fn attach(dir: &Path) -> std::process::Output {
    run(dir, &["attach", "acme_corp", "--store", "fbs", "--url-file", "url"])
}

fn records(server: &TestBinary, token: &str, path: &str) -> Value {
    let (status, found) = server.ask("GET", &format!("/api/records/{path}"), token, None);
    assert_eq!(status, 200, "{path}: {found}");
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_of_odoo_are_read_and_never_written() {
    for admin in servers() {
        let (dir, home) = (tempfile::tempdir().unwrap(), Home::new(&admin).await);
        let dir = dir.path();
        furnish(dir, &home).await;
        for slug in ["acme_corp", "globex"] {
            let email = format!("owner@{slug}.example").replace('_', "-");
            fine(dir, &["tenant", "create", slug, "--email", &email, "--password", PASSWORD]);
        }
        let errors = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
        let refused = attach(dir);
        assert!(errors(&refused).contains("CREATE SCHEMA"), "{}", errors(&refused));
        make_views(dir, &home).await;
        home.administer_in(
            &home.name(),
            &format!("REVOKE SELECT ON tenantry.sale_order FROM {}", home.name()),
        )
        .await;
        let refused = attach(dir);
        assert!(errors(&refused).contains("GRANT SELECT ON"), "{}", errors(&refused));
        home.administer_in(&home.name(), &format!("GRANT SELECT ON tenantry.sale_order TO {}", home.name()))
            .await;
        let view = "CREATE VIEW tenantry.product_template AS SELECT id, name ->> 'en_US' AS name, default_code, \
            list_price::float8 AS list_price FROM public.product_template";
        home.administer_in(&home.name(), &format!("DROP VIEW tenantry.product_template; {view}")).await;
        let refused = errors(&attach(dir));
        for part in [
            "list_price is double precision, and numeric is needed",
            "has no column sale_ok",
            "GRANT SELECT ON",
        ] {
            assert!(refused.contains(part), "{part} in {refused}");
        }
        home.administer_in(&home.name(), "DROP VIEW tenantry.product_template").await;
        make_views(dir, &home).await;
        let attached = attach(dir);
        assert!(attached.status.success(), "{}", errors(&attached));

        let server = start(dir, "serve");
        let acme = server.log_in("owner@acme-corp.example");
        reads(&server, &acme);
        writes_nothing(&server, &acme, &server.log_in("owner@globex.example"), &home).await;
        drop(server);
        fine(dir, &["backup", "create", "acme_corp"]);
        assert!(stdout(&run(dir, &["attachments", "check", "acme_corp", "--store", "fbs"])).contains("ok"));
        fine(dir, &["detach", "acme_corp", "--store", "fbs", "--leave-data"]);
    }
}

fn reads(server: &TestBinary, token: &str) {
    let partner = records(server, token, "res_partner/1");
    let wanted = json!({"id": 1, "name": "Azure Interior", "is_company": true, "credit_limit": "1250.500000",
        "parent_id": null, "created_at": "2026-01-02T03:04:05.678000Z", "updated_at": "2026-02-03T04:05:06.000000Z"});
    for (field, value) in wanted.as_object().unwrap() {
        assert_eq!(&partner[field], value, "{field} of {partner}");
    }
    let child = records(server, token, "res_partner/3?expand=parent_id");
    assert_eq!(child["expand"]["parent_id"]["name"], "Azure Interior", "{child}");
    let product = records(server, token, "product_template");
    assert_eq!(
        (&product["items"][0]["name"], &product["items"][0]["list_price"]),
        (&json!("Office chair"), &json!("70.000000"))
    );
    let page = records(server, token, "sale_order?state=sale&sort=-date_order&limit=10&count=true");
    assert_eq!((&page["count"], &page["items"][0]["name"]), (&json!(27), &json!("S00040")));
    let next = page["next"].as_str().unwrap();
    let second =
        records(server, token, &format!("sale_order?state=sale&sort=-date_order&limit=10&after={next}"));
    assert_eq!(
        (&second["items"][0]["name"], second["items"].as_array().unwrap().len()),
        (&json!("S00025"), 10)
    );
    let of_azure = records(server, token, "sale_order?partner_id.name=Azure+Interior&count=true&limit=1");
    assert_eq!(of_azure["count"], 13, "{of_azure}");
    let groups = records(server, token, "sale_order/aggregate?group_by=state&sum=amount_total");
    assert_eq!(groups["groups"].as_array().map(Vec::len), Some(2), "{groups}");
}

async fn writes_nothing(server: &TestBinary, acme: &str, globex: &str, home: &Home) {
    let change = json!({"name": "Mine"});
    for (method, path, body) in [
        ("POST", "/api/records/res_partner", Some(&change)),
        ("PATCH", "/api/records/res_partner/1", Some(&change)),
        ("DELETE", "/api/records/res_partner/1", None),
        ("DELETE", "/api/records/res_partner?expect=3", None),
    ] {
        let (status, refused) = server.ask(method, path, acme, body);
        assert_eq!(status, 403, "{method} {path}: {refused}");
    }
    // A solution without a database is told so, and sees nothing of the other one.
    let (status, none) = server.ask("GET", "/api/records/res_partner", globex, None);
    assert!(status >= 400 && none.to_string().contains("attach"), "{status} {none}");
    // What Odoo writes is seen by the next request, and its rows have another version.
    let before = records(server, acme, "res_partner/2");
    home.administer_in(&home.name(), "UPDATE res_partner SET name = 'Elan', write_date = now() WHERE id = 2")
        .await;
    let after = records(server, acme, "res_partner/2");
    assert_eq!(after["name"], "Elan");
    assert_ne!((&after["version"], &after["updated_at"]), (&before["version"], &before["updated_at"]));
}

#[tokio::test]
async fn an_inspection_says_what_it_leaves_out() {
    let (dir, home) = (tempfile::tempdir().unwrap(), Home::new(&servers()[0]).await);
    let dir = dir.path();
    furnish(dir, &home).await;
    let grant = format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}", home.name());
    home.administer_in(&home.name(), &grant).await;
    let all = run(dir, &["inspect", "--store", "fbs", "--url-file", "url"]);
    let (said, told) = (stdout(&all), String::from_utf8_lossy(&all.stderr).into_owned());
    assert!(told.contains("no model of res_company_users_rel"), "{told}");
    for part in [
        "label = \"Contact\"",
        "# Columns without a field: message_bounce (bytea).",
        "to = \"res_partner\"",
        "name = \"\\\"name\\\" ->> 'en_US'\"",
        "date_order = \"\\\"date_order\\\" AT TIME ZONE 'UTC'\"",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    for (args, why) in [
        (&["--tables", "res_users"][..], "there is no table res_users"),
        (&["--tables", "res_partner", "--app", "odoo"], "exists; nothing was written"),
        (&["--app", "other"], "tenantry app new other"),
    ] {
        let refused = run(dir, &[&["inspect", "--store", "fbs", "--url-file", "url"], args].concat());
        assert!(!refused.status.success(), "{args:?}");
        let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(errors.contains(why), "{why} in {errors}");
    }
}
