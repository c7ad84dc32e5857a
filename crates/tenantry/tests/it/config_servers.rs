//! `[servers.NAME]` on PostgreSQL: accepted settings, every problem with its line, and no password in any output.

use std::{path::Path, time::Duration};
use tenantry::{
    Platform,
    config::{Config, Location, MongoConfig, PostgresConfig, ReplicaConfig, Secret, UrlSource},
    place::{EngineKind, Isolation},
};

const SYSTEM: &str = "[servers.main]\n[stores.control]\n[stores.shared]\n";

fn read(text: &str) -> Result<Config, String> {
    let text = format!("{SYSTEM}{text}");
    Config::parse("tenantry.toml", &text, Path::new("/srv")).map_err(|problems| problems.to_string())
}

fn postgres<'c>(config: &'c Config, name: &str) -> &'c PostgresConfig {
    match &config.server(name).unwrap().location {
        Location::Postgres(postgres) => postgres,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_postgresql_server_is_read_with_safe_defaults() {
    let config = read(
        "[servers.pg]\nengine = \"postgres\"\nurl = \"postgresql://tenantry@db.example/tenantry\"\n\
         [servers.two]\nengine = \"postgres\"\nurl_file = \"two.url\"\nprefix = \"med_\"\nmost_connections = 90\n\
         per_database_connections = 30\nidle = \"5 min\"\npooler = true\ncapacity = \"2 GiB\"\n\
         join_url = \"postgresql://10.0.0.5:5433?sslmode=require\"\n\
         [stores.tenant]\nservers = [\"pg\", \"two\"]\nisolation = \"schema\"\n",
    )
    .unwrap();
    let one = postgres(&config, "pg");
    assert_eq!(*one, PostgresConfig::at(UrlSource::Text("postgresql://tenantry@db.example/tenantry".into())));
    assert_eq!((one.most_connections, one.pooler, one.idle), (40, false, Duration::from_secs(60)));
    let two = postgres(&config, "two");
    assert_eq!(two.url, UrlSource::Secret(Secret::File("/srv/two.url".into())));
    assert_eq!((two.prefix.as_str(), two.most_connections, two.pooler), ("med_", 90, true));
    assert_eq!((one.capacity, two.capacity), (None, Some(2 << 30)));
    assert_eq!((two.per_database_connections, two.idle), (Some(30), Duration::from_secs(300)));
    assert_eq!(two.join_url.as_deref(), Some("postgresql://10.0.0.5:5433?sslmode=require"));
    assert_eq!(config.server("pg").unwrap().engine(), EngineKind::Postgres);
    assert_eq!(config.store("tenant").unwrap().isolation, Isolation::Schema);
}

#[test]
fn every_problem_of_a_server_has_its_line_and_shows_no_password() {
    let text = "[servers.a]\nengine = \"postgres\"\npath = \"databases\"\n\
        [servers.b]\nengine = \"postgres\"\nurl = \"postgresql://me:s3cret@db/home\"\n\
        [servers.c]\nengine = \"postgres\"\nurl = \"postgresql://me@db/\"\nprefix = \"Pg\"\nmost_connections = 0\n\
        [servers.d]\nengine = \"postgres\"\nurl = \"postgresql://me@db/home\"\nurl_env = \"URL\"\nidle = \"0 s\"\n\
        [servers.e]\nengine = \"postgres\"\nurl = \"postgresql://me@DB:5432/other\"\nprefix = \"e_\"\n\
        [servers.f]\nurl = \"postgresql://me@db/home\"\n[stores.tenant]\n";
    let problems = read(text).unwrap_err();
    assert!(!problems.contains("s3cret"), "{problems}");
    insta::assert_snapshot!(problems, @r#"
tenantry.toml:4: servers.a.url: is missing: a PostgreSQL server needs `url`, `url_env` or `url_file`
tenantry.toml:6: unknown key `servers.a.path`; known here: engine, url, url_env, url_file, prefix, most_connections, per_database_connections, idle, pooler, join_url, capacity, replica_lag, replicas, labels
tenantry.toml:9: servers.b.url: must hold no password: put the whole URL into a variable or a file, and name that with `url_env` or `url_file`
tenantry.toml:12: servers.c.url: must name a database: postgresql://ROLE@HOST/DATABASE
tenantry.toml:13: servers.c.prefix: use a-z, 0-9 and _, starting with a letter, but not with pg_
tenantry.toml:14: servers.c.most_connections: must be a whole number from 1 to 10000
tenantry.toml:15: servers.d.prefix: its names on db:5432 could be those of servers.b: neither prefix may begin with the other
tenantry.toml:17: servers.d.url: give one of `url`, `url_env` and `url_file`
tenantry.toml:19: servers.d.idle: must be from 1 s to 1 day
tenantry.toml:23: servers.e.prefix: its names on db:5432 could be those of servers.b: neither prefix may begin with the other
tenantry.toml:24: servers.f.path: lies in the same place as servers.main
tenantry.toml:25: unknown key `servers.f.url`; known here: engine, path, labels
"#);
}

#[test]
fn a_mongodb_server_is_read_with_safe_defaults() {
    let config = read(
        "[servers.mongo]\nengine = \"mongodb\"\nurl = \"mongodb://a,b/?replicaSet=rs0\"\n\
         [servers.two]\nengine = \"mongodb\"\nurl_env = \"URL\"\nprefix = \"med_\"\nmost_connections = 9\n\
         [stores.tenant]\nservers = [\"mongo\", \"main\"]\nname = \"org_{slug}\"\n",
    )
    .unwrap();
    let mongodb = |name: &str| match &config.server(name).unwrap().location {
        Location::Mongo(mongo) => mongo.clone(),
        other => panic!("{other:?}"),
    };
    let one = MongoConfig::at(UrlSource::Text("mongodb://a,b/?replicaSet=rs0".into()));
    assert_eq!((mongodb("mongo"), one.most_connections), (one, 40));
    let two = mongodb("two");
    assert_eq!((two.prefix.as_str(), two.most_connections, two.capacity), ("med_", 9, None));
    assert_eq!(config.server("two").unwrap().engine(), EngineKind::Mongo);
}

#[test]
fn what_mongodb_cannot_have_is_refused_with_the_remedy() {
    let text = "[servers.a]\nengine = \"mongodb\"\n\
        [servers.b]\nengine = \"mongodb\"\nurl = \"mongodb://me:s3cret@db/\"\n\
        [servers.c]\nengine = \"mongodb\"\nurl = \"mongodb+srv://db\"\nprefix = \"Med\"\nmost_connections = 1\n\
        [stores.control]\nserver = \"c\"\n[stores.shared]\nserver = \"a\"\n\
        [stores.tenant]\nserver = \"c\"\nisolation = \"schema\"\n";
    let problems = Config::parse("tenantry.toml", text, Path::new("/srv")).unwrap_err().to_string();
    assert!(!problems.contains("s3cret"), "{problems}");
    insta::assert_snapshot!(problems, @r#"
tenantry.toml:1: servers.a.url: is missing: a MongoDB server needs `url`, `url_env` or `url_file`
tenantry.toml:5: servers.b.url: must hold no password: put the whole URL into a variable or a file, and name that with `url_env` or `url_file`
tenantry.toml:8: servers.c.url: names no servers: write them out, mongodb://HOST:PORT,HOST:PORT/?replicaSet=NAME
tenantry.toml:9: servers.c.prefix: use a-z, 0-9 and _, starting with a letter
tenantry.toml:10: servers.c.most_connections: must be a whole number from 2 to 10000
tenantry.toml:12: stores.control.server: the catalog needs SQL, and servers.c is MongoDB: use another server
tenantry.toml:17: stores.tenant.isolation: schemas need PostgreSQL; servers.c is MongoDB: use "database"
"#);
}

#[test]
fn the_address_for_joins_names_no_role() {
    for (url, says) in [
        ("postgresql://me:s3cret@db", "must name no role"),
        ("mysql://db", "must begin with postgresql://"),
        ("postgresql://db?sslmode=no", "sslmode must be"),
    ] {
        let server = format!(
            "[servers.pg]\nengine = \"postgres\"\nurl = \"postgresql://me@db/home\"\njoin_url = \"{url}\"\n"
        );
        let problems = read(&format!("{server}[stores.tenant]\nserver = \"pg\"\n")).unwrap_err();
        assert!(problems.contains("servers.pg.join_url: ") && problems.contains(says), "{problems}");
        assert!(!problems.contains("s3cret"), "{problems}");
    }
}

#[test]
fn replicas_are_read_and_checked_like_their_server() {
    let server = "[servers.pg]\nengine = \"postgres\"\nurl = \"postgresql://me@db/home\"\n";
    let tail = "[stores.tenant]\nserver = \"pg\"\n";
    let text = format!(
        "{server}replica_lag = \"250 ms\"\n[servers.pg.replicas.east]\nurl_env = \"EAST\"\nmost_connections = 9\n\
         [servers.pg.replicas.west]\nurl = \"postgresql://me@west/home\"\n{tail}"
    );
    let config = read(&text).unwrap();
    let replica = |name: &str, url, most_connections| ReplicaConfig {
        name: name.parse().unwrap(),
        url,
        most_connections,
    };
    let pg = postgres(&config, "pg");
    assert_eq!(pg.replica_lag, Duration::from_millis(250));
    assert_eq!(
        pg.replicas,
        [
            replica("east", UrlSource::Secret(Secret::Env("EAST".into())), Some(9)),
            replica("west", UrlSource::Text("postgresql://me@west/home".into()), None),
        ]
    );
    let plain = read(&format!("{server}{tail}")).unwrap();
    assert_eq!(postgres(&plain, "pg").replica_lag, Duration::from_secs(1));
    let text = format!(
        "{server}replica_lag = \"10 ms\"\n[servers.pg.replicas.east]\nprefix = \"x\"\n\
         [servers.pg.replicas.west]\nurl = \"postgresql://me:s3cret@west/home\"\nmost_connections = 0\n{tail}"
    );
    let problems = read(&text).unwrap_err();
    assert!(!problems.contains("s3cret"), "{problems}");
    insta::assert_snapshot!(problems, @r#"
tenantry.toml:7: servers.pg.replica_lag: must be from 100 ms to 1 h
tenantry.toml:8: servers.pg.replicas.east.url: is missing: a PostgreSQL replica needs `url`, `url_env` or `url_file`
tenantry.toml:9: unknown key `servers.pg.replicas.east.prefix`; known here: url, url_env, url_file, most_connections
tenantry.toml:11: servers.pg.replicas.west.url: must hold no password: put the whole URL into a variable or a file, and name that with `url_env` or `url_file`
tenantry.toml:12: servers.pg.replicas.west.most_connections: must be a whole number from 1 to 10000
"#);
}

#[test]
fn stores_are_only_where_their_isolation_and_names_fit() {
    let servers =
        "[servers.pg]\nengine = \"postgres\"\nurl = \"postgresql://me@db/home\"\nprefix = \"clinics_eu_\"\n";
    let text = format!(
        "{servers}[stores.licensing]\nscope = \"system\"\nserver = \"pg\"\n\
         [stores.mixed]\nservers = [\"main\", \"pg\"]\nisolation = \"schema\"\nname = \"m_{{slug}}\"\n\
         [stores.long]\nserver = \"pg\"\nname = \"records_{{slug}}\"\n\
         [stores.brought]\nserver = \"pg\"\nisolation = \"schema\"\nprovision = \"external\"\nname = \"b_{{slug}}\"\n\
         [stores.pool]\nserver = \"pg\"\nisolation = \"pooled\"\n",
    );
    insta::assert_snapshot!(read(&text).unwrap_err(), @r#"
tenantry.toml:13: stores.mixed.isolation: schemas need PostgreSQL; servers.main is SQLite: use "database"
tenantry.toml:17: stores.long.name: a name could have 66 bytes with the prefix "clinics_eu_" of servers.pg, and PostgreSQL takes 63: shorten one of them
tenantry.toml:21: stores.brought.provision: a tenant brings a whole database: use isolation = "database"
"#);
    let own = "[servers.pg]\nengine = \"postgres\"\nurl = \"postgresql://me@db/home\"\n\
        [stores.pool]\nserver = \"pg\"\nisolation = \"pooled\"\nname = \"public\"\n";
    assert!(read(own).unwrap_err().contains("stores.pool.name: public belongs to PostgreSQL itself"));
}

#[test]
fn a_mirror_is_on_mongodb_and_in_a_database_of_its_own() {
    let servers = "[servers.mongo]\nengine = \"mongodb\"\nurl = \"mongodb://db/\"\n\
        [stores.extra]\nscope = \"system\"\nserver = \"mongo\"\nname = \"extra_resources\"\n";
    let config =
        read(&format!("{servers}[mirror]\nserver = \"mongo\"\ndatabase = \"valuation_admin\"\n")).unwrap();
    let mirror = config.mirror.unwrap();
    assert_eq!((mirror.server.as_str(), mirror.database.as_str()), ("mongo", "valuation_admin"));
    let refused = |section: &str| read(&format!("{servers}[mirror]\n{section}")).unwrap_err();
    insta::assert_snapshot!(
        [
            "server = \"main\"\ndatabase = \"a\"\n",
            "server = \"other\"\ndatabase = \"a\"\n",
            "server = \"mongo\"\ndatabase = \"extra_resources\"\n",
            "server = \"mongo\"\n",
            "server = \"mongo\"\ndatabase = \"A b\"\ntable = \"x\"\n",
        ]
        .map(refused)
        .join("\n"),
        @r#"
tenantry.toml:12: mirror.server: servers.main is not MongoDB
tenantry.toml:12: mirror.server: there is no [servers.other]
tenantry.toml:13: mirror.database: is the database of stores.extra: choose another name
tenantry.toml:11: mirror.database: `database` is missing
tenantry.toml:13: mirror.database: physical name "A b": use a-z, 0-9, _ and -, starting with a letter or digit, 1 to 63 bytes
tenantry.toml:14: unknown key `mirror.table`; known here: server, database
"#
    );
}

/// A URL that only a variable or a file contains is checked when the installation is opened, and never shown.
#[tokio::test]
async fn a_url_with_a_password_is_read_from_its_file_and_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let servers = ["one", "two"]
        .map(|name| format!("[servers.{name}]\nengine = \"postgres\"\nurl_file = \"{name}.url\"\n"));
    let text = format!(
        "{SYSTEM}{}[stores.tenant]\nservers = [\"one\", \"two\"]\n[apps]\nlist = []\n",
        servers.concat()
    );
    let open = async || {
        let config = Config::parse("tenantry.toml", &text, dir.path()).unwrap_or_else(|p| panic!("{p}"));
        format!("{0} {0:?}", Platform::open(config).await.map(drop).unwrap_err())
    };
    let missing = open().await;
    assert!(missing.contains("servers.one.url") && missing.contains("one.url"), "{missing}");
    for (urls, says) in [
        (["mysql://me:s3cret@db/home"; 2], "servers.one.url: must begin with postgresql://"),
        (
            ["postgresql://me:s3cret@db:5432/home", "postgresql://me:s3cret@db/other"],
            "servers.two.prefix: its names on",
        ),
    ] {
        std::fs::write(dir.path().join("one.url"), format!("{}\n", urls[0])).unwrap();
        std::fs::write(dir.path().join("two.url"), urls[1]).unwrap();
        let refused = open().await;
        assert!(refused.contains(says) && !refused.contains("s3cret"), "{refused}");
    }
}

#[test]
fn labels_of_servers_and_plans_are_read_and_checked() {
    let config = read(
        "[servers.fast]\npath = \"fast\"\nlabels = { tier = \"premium\", region = \"eu-1\" }\n\
         [stores.tenant]\nservers = [\"main\", \"fast\"]\n\
         [plans.starter]\n[plans.gold]\nservers = { tier = \"premium\" }\n",
    )
    .unwrap();
    let [main, fast] = [0, 1].map(|at| &config.servers[at].labels);
    let [starter, gold] = [0, 1].map(|at| &config.plans[at].servers);
    assert_eq!((main.to_string(), fast.to_string()), (String::new(), "region=eu-1, tier=premium".into()));
    assert_eq!((main.include(starter), main.include(gold), fast.include(gold)), (true, false, true));
    for (labels, why) in [
        ("\"tier=premium\"", "must be labels: { tier"),
        ("{ tier = 1 }", "must be labels: { tier"),
        ("{ Tier = \"x\" }", "label \"Tier\": use a name"),
        ("{ tier = \"a b\" }", "label tier: use a value"),
    ] {
        let problems = read(&format!("[servers.fast]\npath = \"fast\"\nlabels = {labels}\n")).unwrap_err();
        assert!(problems.contains(&format!("tenantry.toml:6: servers.fast.labels: {why}")), "{problems}");
    }
}
