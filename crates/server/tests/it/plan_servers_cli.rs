//! Servers by plan with the shipped binary, next to a server that keeps serving the tenants.

use super::{
    binary::{items_of, json_of, start},
    lives::{fine, refused},
};
use std::path::Path;
use tenantry_testkit::Settings;

fn server(dir: &Path, slug: &str) -> String {
    let shown = json_of(dir, &["tenant", "show", slug]);
    shown["placements"][0]["place"]["server"].as_str().unwrap().to_owned()
}

#[test]
fn plans_get_labels_and_tenants_follow_at_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::default()
        .two_servers()
        .set("servers.disk", "labels = { tier = \"premium\", region = \"eu\" }")
        .set("registration", "placement = \"first\"");
    std::fs::write(dir.path().join("tenantry.toml"), settings.to_string()).unwrap();
    let demo = start(dir.path(), "demo");
    let dir = dir.path();
    let listed = fine(dir, &["server", "list"]);
    assert!(listed.contains("region=eu, tier=premium"), "{listed}");
    let servers = items_of(dir, &["server", "list"]);
    assert_eq!(
        (&servers[0]["name"], &servers[1]["engine"]),
        (&"main".into(), &"sqlite".into()),
        "{servers:?}"
    );
    for wrong in ["tier", "tier=", "Tier=x"] {
        refused(dir, &["plan", "update", "starter", "--servers", wrong]);
    }
    assert!(refused(dir, &["plan", "update", "gold", "--servers", "tier=premium"]).contains("no such plan"));
    let terms =
        ["--servers", "tier=premium", "--limit", "users=3", "--limit", "rows=none", "--features", "reports"];
    fine(dir, &[&["plan", "create", "gold", "--name", "Gold"], &terms[..]].concat());
    let gold = json_of(dir, &["plan", "show", "gold"]);
    assert_eq!(
        (&gold["servers"]["tier"], &gold["limits"]["users"]),
        (&"premium".into(), &3.into()),
        "{gold}"
    );
    fine(dir, &["plan", "update", "gold", "--limit", "users=none", "--price", "9 EUR"]);
    let gold = json_of(dir, &["plan", "show", "gold"]);
    assert_eq!(
        (&gold["servers"]["tier"], &gold["limits"]["users"]),
        (&"premium".into(), &().into()),
        "{gold}"
    );

    let said = fine(dir, &["plan", "set", "city-hospital", "gold"]);
    assert!(said.contains("tenant: on server main, which does not fit the plan; disk"), "{said}");
    assert!(said.contains("tenantry tenant move city-hospital --fit"), "{said}");
    let look = fine(dir, &["tenant", "move", "city-hospital", "--fit", "--dry-run"]);
    assert!(look.contains("disk (database)"), "{look}");
    fine(dir, &["tenant", "move", "city-hospital", "--fit"]);
    assert_eq!(server(dir, "city-hospital"), "disk");
    let said = fine(dir, &["plan", "set", "green-clinic", "gold", "--move"]);
    assert!(said.contains("every record is the same in both places"), "{said}");
    assert_eq!(server(dir, "green-clinic"), "disk");

    assert!(refused(dir, &["plan", "place", "gold"]).contains("are on servers that fit it"));
    for slug in ["third", "fourth"] {
        fine(
            dir,
            &["tenant", "create", slug, "--email", "owner@more.example", "--plan", "clinic", "--no-owner"],
        );
        assert_eq!(server(dir, slug), "main");
    }
    let said = fine(dir, &["plan", "update", "clinic", "--servers", "region=eu"]);
    assert!(said.contains("tenantry plan place clinic"), "{said}");
    let look = fine(dir, &["plan", "place", "clinic", "--dry-run"]);
    assert!(look.contains("third") && look.contains("fourth") && look.contains("disk"), "{look}");
    let said = fine(dir, &["plan", "place", "clinic", "--parallel", "2"]);
    assert!(said.contains("2 tenants moved"), "{said}");
    assert_eq!((server(dir, "third"), server(dir, "fourth")), ("disk".into(), "disk".into()));
    refused(dir, &["plan", "place", "clinic", "--parallel", "17"]);
    fine(dir, &["plan", "update", "starter", "--servers", "region=moon"]);
    assert!(
        refused(
            dir,
            &["tenant", "create", "moon", "--email", "owner@moon.example", "--plan", "starter", "--no-owner"]
        )
        .contains("region=moon")
    );
    let token = demo.log_in("owner@city-hospital.example");
    assert_eq!(demo.ask("GET", "/api/records/doctors/1", &token, None).0, 200);
}
