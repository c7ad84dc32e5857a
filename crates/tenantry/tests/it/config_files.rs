//! `tenantry.toml`: its defaults, and reports of every problem at once with its line.

use std::path::Path;
use tenantry::config::{Config, DEFAULT_TOML, Scope};
use tenantry_testkit::property;

fn problems(text: &str) -> String {
    match Config::parse("tenantry.toml", text, Path::new("")) {
        Ok(_) => panic!("was accepted"),
        Err(problems) => problems.to_string(),
    }
}

/// The commented file and the code agree, and an empty file means the same.
#[test]
fn the_embedded_file_is_exactly_the_defaults() {
    let written = Config::parse("default.toml", DEFAULT_TOML, Path::new("")).expect("default.toml");
    assert_eq!(written, Config::default());
    assert_eq!(Config::parse("empty", "", Path::new("")).expect("empty"), Config::default());
    written.check().expect("defaults pass their own check");
}

/// The reader knows every commented-out key of the embedded file.
#[test]
fn commented_keys_of_the_embedded_file_are_real() {
    let text: String = DEFAULT_TOML
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest.starts_with("[[")
                    || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) =>
            {
                rest
            }
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    let config = Config::parse("default.toml", &text, Path::new("")).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(config.auth.jwt.len(), 1);
    assert_eq!(config.store("tenant").unwrap().pooled_in.as_ref().unwrap().as_str(), "shared");
}

/// The file is checked as a whole: every problem is reported with file and line.
#[test]
fn every_problem_of_a_file_is_reported_at_once() {
    let text = r#"[platform]
nmae = "Clinic"
listen = "everywhere"
base_domain = "-bad-"
[servers.main]
engine = "oracle"
path = "a"
[servers.second]
path = "a/b"
[stores.control]
scope = "tenant"
[stores.tenant]
server = "elsewhere"
name = "tenant"
pooled_in = "nowhere"
[stores."no good"]
[plans.small]
trial_days = -1
[plans.small.limits]
bytes = "12 parsecs"
users = 0
colour = 1
[auth]
roles = ["owner", "owner", "Big Boss"]
[[auth.jwt]]
issuer = "https://id"
audience = []
algorithm = "RS256"
secret_env = "SECRET"
"#;
    insta::assert_snapshot!(problems(text), @r#"
tenantry.toml: registration.default_plan: there is no plan `starter`; plans are: small
tenantry.toml:2: unknown key `platform.nmae`; did you mean `name`?
tenantry.toml:3: platform.listen: must be an address with a port, such as "127.0.0.1:8000"
tenantry.toml:4: platform.base_domain: must be a host name without port, such as "example.com"
tenantry.toml:6: servers.main.engine: must be one of "sqlite", "postgres", "mongodb"
tenantry.toml:9: servers.second.path: lies in the same place as servers.main
tenantry.toml:11: stores.control.scope: must be "system": it is the platform's catalog
tenantry.toml:13: stores.tenant.server: there is no server `elsewhere`; servers are: main, second
tenantry.toml:14: stores.tenant.name: each tenant has its own: the name needs {slug}
tenantry.toml:15: stores.tenant.pooled_in: there is no store `nowhere`
tenantry.toml:16: stores: store name "no good": use a-z, 0-9 and _, starting with a letter, not ending with _, without __, 1 to 48 characters
tenantry.toml:18: plans.small.trial_days: must be a whole number from 0 to 3650
tenantry.toml:20: plans.small.limits.bytes: must be bytes: a whole number, or text such as "256 MiB" (KiB, MiB, GiB, TiB)
tenantry.toml:21: plans.small.limits.users: must be a whole number from 1
tenantry.toml:22: unknown key `plans.small.limits.colour`; known here: users, rows, bytes, file_bytes, requests_per_second, concurrency
tenantry.toml:24: auth.roles: `owner` is listed twice
tenantry.toml:24: auth.roles: role name "Big Boss": use a-z, 0-9 and _, starting with a letter, not ending with _, without __, 1 to 48 characters
tenantry.toml:27: auth.jwt.1.audience: name at least one audience
tenantry.toml:28: auth.jwt.1.algorithm: HS algorithms take secret_env, all others a public key or key set
"#);
}

/// Syntax errors have a line too, and do not hide other problems.
#[test]
fn syntax_errors_have_a_line() {
    insta::assert_snapshot!(problems("[platform]\nname = \"x\nlisten = 3\n[oops\n"), @r#"
tenantry.toml:2: invalid basic string, expected `"`
tenantry.toml:3: platform.listen: must be text in quotes
tenantry.toml:4: unclosed table, expected `]`
tenantry.toml:4: unknown key `oops`; did you mean `apps`?
"#);
}

/// `token-confusion`: an algorithm cannot be combined with the wrong kind of key, nor an issuer have two keys.
#[test]
fn jwt_providers_cannot_be_confused() {
    let text = r#"
[[auth.jwt]]
issuer = "a"
audience = "t"
algorithm = "HS256"
key_file = "public.pem"
[[auth.jwt]]
issuer = "a"
audience = "t"
algorithm = "none"
jwks_url = "https://a/jwks"
[[auth.jwt]]
issuer = "a"
audience = "t"
algorithm = "ES256"
jwks_url = "http://a/jwks"
[[auth.jwt]]
issuer = "b"
algorithm = "ES256"
"#;
    insta::assert_snapshot!(problems(text), @r#"
tenantry.toml:5: auth.jwt.1.algorithm: HS algorithms take secret_env, all others a public key or key set
tenantry.toml:8: auth.jwt.2.issuer: is given twice
tenantry.toml:10: auth.jwt.2.algorithm: must be one of "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"
tenantry.toml:13: auth.jwt.3.issuer: is given twice
tenantry.toml:16: auth.jwt.3.jwks_url: must begin with https:// (http:// on 127.0.0.1 only)
tenantry.toml:17: auth.jwt.4.audience: is required
tenantry.toml:17: auth.jwt.4.key: give exactly one of key_file, jwks_file, jwks_url, secret_env
"#);
}

/// Two other products need only a different configuration.
#[test]
fn the_three_products_are_configuration() {
    let fbs = r#"
[stores.control]
[stores.licensing]
scope = "system"
[stores.djo]
scope = "tenant"
name = "djo_{slug}_db"
provision = "external"
pooled_in = "control"
[stores.fbs]
name = "fbs_{slug}_db"
provision = "external"
"#;
    let config = Config::parse("fbs.toml", fbs, Path::new("/srv/fbs")).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(config.stores_of(Scope::Tenant).count(), 2);
    assert_eq!(config.platform.data_dir, Path::new("/srv/fbs/tenantry-data"));
    assert_eq!(config.servers[0].path(), Some(Path::new("/srv/fbs/tenantry-data/databases")));
    let valuation =
        "[stores.control]\n[stores.shared]\n[stores.org]\nname = \"{slug}\"\nprovision = \"on_demand\"\n";
    assert!(problems(valuation).contains("stores.org.name"), "a bare slug could be `control`");
    let valuation = "[stores.control]\nname = \"valuation_admin\"\n[stores.shared]\nname = \"shared_resources\"\n\
                     [stores.org]\nname = \"{slug}\"\nprovision = \"on_demand\"\n";
    Config::parse("v.toml", valuation, Path::new("")).unwrap_or_else(|p| panic!("{p}"));
}

/// T4: every file is accepted or refused with one of its lines; the reader never panics.
#[test]
fn no_text_makes_the_reader_panic() {
    property(
        300,
        (0..DEFAULT_TOML.len(), 0..40_usize, "[-\\[\\]{}=\"'.,#a-z0-9_ \n]{0,12}"),
        |(at, cut, put)| {
            let at = (0..=at).rev().find(|at| DEFAULT_TOML.is_char_boundary(*at)).unwrap_or(0);
            let end =
                (at + cut..).find(|end| *end >= DEFAULT_TOML.len() || DEFAULT_TOML.is_char_boundary(*end));
            let end = end.unwrap_or(DEFAULT_TOML.len()).min(DEFAULT_TOML.len());
            let text = format!("{}{put}{}", &DEFAULT_TOML[..at], &DEFAULT_TOML[end..]);
            if let Err(problems) = Config::parse("t", &text, Path::new("")) {
                let lines = text.lines().count() + 1;
                assert!(!problems.0.is_empty() && problems.0.iter().all(|problem| problem.line <= lines));
            }
        },
    );
}
