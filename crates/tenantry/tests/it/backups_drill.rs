//! Restore drills: a sampled backup is restored, or an alarm is raised.

use crate::{
    backups_kit::objects,
    installation::{ISOLATIONS, Installation},
    test_platform::{TestPlatform, operator, slug},
};
use tenantry::{
    clock::DAY_US,
    operations::{Filter, State},
};

async fn drill(clinic: &TestPlatform, name: Option<&str>) -> serde_json::Value {
    let name = name.map(slug);
    let started = clinic.restores().drill(&operator(), name.as_ref()).await.unwrap();
    clinic.done(started).await.result.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_restores_each_tenant_in_turn_and_tells_of_one_that_does_not_come_back() {
    for isolation in ISOLATIONS {
        let clinic = Installation::new().isolation(isolation).start().await;
        let none = clinic.restores().drill(&operator(), None).await.unwrap_err();
        assert!(none.public_title().contains("no good backup"), "{none}");
        let mut backups = vec![];
        for name in ["acme", "bravo"] {
            clinic.create(name).await;
            clinic.add_report(name, "a report").await;
            backups.push(clinic.back_up(name).await.to_string());
        }
        let mut tried = vec![];
        for _ in 0..2 {
            let result = drill(&clinic, None).await;
            assert_eq!(result["failed"], serde_json::Value::Null, "{isolation}: {result}");
            tried.push(result["backup"].as_str().unwrap().to_owned());
        }
        tried.sort_unstable();
        backups.sort_unstable();
        assert_eq!(tried, backups, "{isolation}: each in turn");
        let status = clinic.backups().status().await.unwrap().drill;
        assert!(status.error.is_none() && status.good_us.is_some() && !status.overdue, "{status:?}");

        let newest = clinic.backups().of_tenant(&slug("acme"), 1).await.unwrap().remove(0).id;
        let object = objects(&clinic, &newest).into_iter().find(|p| !p.ends_with("manifest.json")).unwrap();
        std::fs::write(object, b"damaged").unwrap();
        let result = drill(&clinic, Some("acme")).await;
        assert!(result["failed"].as_str().unwrap().contains("does not match"), "{isolation}: {result}");
        let status = clinic.backups().status().await.unwrap();
        assert!(status.drill.error.is_some() && status.damaged == 1, "{isolation}: {status:?}");
        clinic.whole().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_comes_by_itself_and_is_overdue_when_none_was_good() {
    let clinic = Installation::new().start().await;
    clinic.create("acme").await;
    clinic.back_up("acme").await;
    let drills = async || {
        let all = clinic.operations().list(&Filter::default()).await.unwrap();
        all.into_iter().filter(|o| o.kind == "backup_verify" && o.state == State::Done).count()
    };
    let seen = "SELECT 1 FROM backup_schedules WHERE name = '(drill)'";
    while clinic.control.snapshot().await.unwrap().query(seen, &[]).await.unwrap().is_empty() {
        clinic.full_pass().await;
    }
    assert_eq!(drills().await, 0, "the slot before it was known is not served");
    clinic.control.clock().advance_us(2 * DAY_US);
    assert!(clinic.backups().status().await.unwrap().drill.overdue);
    while drills().await == 0 {
        clinic.full_pass().await;
    }
    assert!(!clinic.backups().status().await.unwrap().drill.overdue);
    clinic.full_pass().await;
    assert_eq!(drills().await, 1, "not twice");
}
