//! The newest backup is the one that began last, whatever the clocks showed at that time.

use crate::{
    installation::{ISOLATIONS, Installation},
    test_platform::{TestPlatform, operator, slug},
};
use tenantry::{backups::BackupId, clock::DAY_US};

async fn newest(clinic: &TestPlatform) -> BackupId {
    clinic.restores().newest_good(&slug("acme")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_dated_ahead_is_not_the_newest_for_ever() {
    for isolation in ISOLATIONS {
        let clinic = Installation::new().isolation(isolation).start().await;
        clinic.create("acme").await;
        let none = clinic.restores().newest_good(&slug("acme")).await.unwrap_err();
        assert!(none.public_title().contains("tenantry backup create acme"), "{none}");
        clinic.add_report("acme", "first").await;
        let first = clinic.back_up("acme").await;
        let clock = clinic.control.clock().clone();
        clock.jump_us(800 * DAY_US);
        let ahead = clinic.back_up("acme").await;
        assert_eq!(newest(&clinic).await, ahead, "{isolation}");
        clock.jump_us(-800 * DAY_US);
        assert_eq!(newest(&clinic).await, ahead, "{isolation}: still the one that was begun last");
        clinic.add_report("acme", "second").await;
        let (last, then) = (clinic.back_up("acme").await, clinic.sums("acme").await);
        assert_eq!(newest(&clinic).await, last, "{isolation}");
        let listed = clinic.backups().of_tenant(&slug("acme"), 10).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|backup| &backup.id).collect();
        assert_eq!(ids, [&last, &ahead, &first], "{isolation}");
        let drilled = clinic.restores().drill(&operator(), Some(&slug("acme"))).await.unwrap();
        let result = clinic.done(drilled).await.result.unwrap();
        assert_eq!(result["backup"], last.as_str(), "{isolation}");
        clinic.add_report("acme", "third").await;
        clinic.restore("acme", &newest(&clinic).await).await;
        clinic.swap("acme").await;
        assert_eq!(
            clinic.sums("acme").await,
            then,
            "{isolation}: with what was written since the clock was right"
        );
    }
}

/// A catalog rebuilt from the manifests has only dates: a date in the future proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_is_made_again_goes_by_dates_that_can_be_right() {
    let clinic = Installation::new().start().await;
    clinic.create("acme").await;
    let clock = clinic.control.clock().clone();
    clinic.back_up("acme").await;
    clock.jump_us(800 * DAY_US);
    clinic.back_up("acme").await;
    clock.jump_us(-800 * DAY_US);
    // Ids of the same second have no order.
    clock.advance_us(2_000_000);
    let last = clinic.back_up("acme").await;
    clinic.catalog("DELETE FROM backups").await;
    assert_eq!(clinic.backups().rescan(&operator()).await.unwrap().taken_up, 3);
    assert_eq!(newest(&clinic).await, last);
    // A backup that is put back into the store is not newer than those after it.
    let oldest = clinic.backups().of_tenant(&slug("acme"), 10).await.unwrap().remove(1).id;
    clinic.catalog(&format!("DELETE FROM backups WHERE id = '{oldest}'")).await;
    clinic.back_up("acme").await;
    let after = newest(&clinic).await;
    assert_eq!(clinic.backups().rescan(&operator()).await.unwrap().taken_up, 1);
    assert_eq!(newest(&clinic).await, after);
}
