//! The life of a company in a real browser: registration, two companies at once, records that are taken back from a
//! backup.

use crate::kit::Stage;

/// A company is registered, and its owner adds the first record. The link in a letter fills in its code and removes it
/// from the address.
#[tokio::test]
async fn a_company_begins() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    window.open("/account/reset/#tnl_code").await;
    assert_eq!(window.value("token").await, "tnl_code");
    assert!(window.url().await.ends_with("/account/reset/"), "{}", window.url().await);
    window.open("/subscription/register/").await;
    for (field, value) in [
        ("company", "Elm Clinic"),
        ("name", "Ann"),
        ("email", "ann@elm.example"),
        ("password", "correct horse battery"),
    ] {
        window.fill(field, value).await;
    }
    window.press("form .button.primary").await;
    assert_eq!(window.text("h1").await, "Dashboard");
    assert!(window.driver.title().await.unwrap().contains("Elm Clinic"));
    window.open("/hospitals/").await;
    assert!(window.text("main").await.contains("No records yet"));
    window.press(".empty .button.primary").await;
    window.fill("name", "House").await;
    window.choose_first("city").await;
    window.press("form.edit .button.primary").await;
    assert_eq!(window.text("h1").await, "House");
    window.quit().await;
}

/// Two companies in two browsers see only their own records.
#[tokio::test]
async fn two_companies_see_their_own() {
    let stage = Stage::start().await;
    let windows = [stage.window().await, stage.window().await];
    for (window, slug) in windows.iter().zip(["city-hospital", "green-clinic"]) {
        window.sign_in(&format!("owner@{slug}.example")).await;
        window.open("/hospitals/add/").await;
        window.fill("name", &format!("House of {slug}")).await;
        window.choose_first("city").await;
        window.press("form.edit .button.primary").await;
    }
    for (window, (own, other)) in
        windows.iter().zip([("city-hospital", "green-clinic"), ("green-clinic", "city-hospital")])
    {
        window.open("/hospitals/").await;
        let text = window.text("main").await;
        assert!(
            text.contains(&format!("House of {own}")) && !text.contains(&format!("House of {other}")),
            "{text}"
        );
    }
    for window in windows {
        window.quit().await;
    }
}

/// Deleted and changed records are taken back from a backup. Others stay unchanged.
#[tokio::test]
async fn records_are_taken_back_from_a_backup() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    window.sign_in("owner@city-hospital.example").await;
    window.open("/settings/backups/").await;
    window.press("main header .button.primary").await;
    window.appears("form[action='/settings/compare/']").await;
    window.open("/reports/").await;
    let reports = window.count("tbody tr").await;
    for number in [1, 2, 3] {
        window.open(&format!("/reports/{number}/delete/")).await;
        window.press("form .button.danger").await;
    }
    window.open("/reports/4/edit/").await;
    window.fill("title", "Another title").await;
    window.press("form.edit .button.primary").await;
    window.open("/settings/backups/").await;
    window.press("form[action='/settings/compare/'] button").await;
    assert_eq!(window.text("h1").await, "Then and now");
    window.press("a[href='/settings/compare/reports/']").await;
    assert_eq!(window.count(".differences > li").await, 4);
    for number in [1, 2, 3] {
        window.click(&format!("#take-{number}")).await;
    }
    window.press(".foot .button.primary").await;
    assert!(window.text("main").await.contains("Taken back: 3 deleted and 0 changed records."));
    assert_eq!(window.count(".differences > li").await, 1);
    window.open("/reports/").await;
    assert_eq!(window.count("tbody tr").await, reports);
    assert!(window.text("tbody").await.contains("Another title"));
    window.quit().await;
}
