//! The console in a real browser: sign in, search, dependent choices, two people at one record, without JavaScript, and a
//! look at every page, wide and narrow, light and dark.

mod kit;

use kit::{Stage, Window};
use thirtyfour::By;

#[tokio::test]
async fn a_doctor_is_found_and_added() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    window.sign_in("owner@city-hospital.example").await;
    window.open("/patients/").await;
    let all = window.count("tbody tr").await;
    window.fill("q", "eder").await;
    window.settled().await;
    let found = window.count("tbody tr").await;
    assert!(found > 0 && found < all, "{found} of {all}");
    assert!(window.url().await.ends_with("/patients/?q=eder"), "{}", window.url().await);
    assert_eq!(window.script("return document.activeElement.id").await, "q", "the search keeps the focus");

    window.open("/doctors/add/").await;
    let cities = window.options("city").await;
    window.fill("last_name", "Novak").await;
    window.choose("region", "Tyrol").await;
    window.settled().await;
    let narrowed = window.options("city").await;
    assert!(!narrowed.is_empty() && narrowed.len() < cities.len(), "{narrowed:?} of {cities:?}");
    assert_eq!(window.value("last_name").await, "Novak", "what was typed stays");
    window.fill("first_name", "Eva").await;
    window.fill("licence_number", "AT-1").await;
    window.choose_first("specialisation").await;
    window.choose("city", &narrowed[0]).await;
    window.press("form.edit .button.primary").await;
    assert_eq!(window.text("h1").await, "Novak");
    assert!(window.text("main").await.contains("The record is added."));
    assert!(window.text("main").await.contains(&narrowed[0]));
    window.quit().await;
}

/// A company is registered, its owner adds the first record. The link of a letter fills in its code and leaves the address.
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

/// Two companies in two browsers see their own records only.
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

/// Two people change one record at the same time; the second one decides field by field.
#[tokio::test]
async fn a_conflict_is_decided_field_by_field() {
    let stage = Stage::start().await;
    let (one, two) = (stage.window().await, stage.window().await);
    for window in [&one, &two] {
        window.sign_in("owner@city-hospital.example").await;
        window.open("/patients/1/edit/").await;
    }
    one.fill("phone", "111").await;
    one.fill("address", "First Street").await;
    one.press("form.edit .button.primary").await;
    two.fill("phone", "222").await;
    two.press("form.edit .button.primary").await;
    assert!(two.text("main").await.contains("Another person has changed this record"));
    assert_eq!(two.value("address").await, "First Street", "what only the other changed is taken over");
    assert_eq!((two.value("phone").await, two.count(".conflict").await), ("222".to_owned(), 1));
    two.press("#theirs-phone").await;
    two.press("form.edit .button.primary").await;
    let text = two.text("main").await;
    assert!(text.contains("111") && text.contains("First Street") && !text.contains("222"), "{text}");
    for window in [one, two] {
        window.quit().await;
    }
}

/// Ticked records are changed, those of a filter are deleted, and no others.
#[tokio::test]
async fn several_records_are_changed_and_deleted() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    window.sign_in("owner@city-hospital.example").await;
    window.open("/reports/").await;
    let all = window.count("tbody tr").await;
    window.click("#tick-1").await;
    window.click("#tick-2").await;
    assert_eq!(window.text("[data-ticked]").await, "2 ticked");
    window.press("#bulk button").await;
    assert_eq!(window.text("h1").await, "Change 2 records");
    window.click("#set-summary").await;
    window.fill("summary", "checked twice").await;
    window.press("form.edit .button.primary").await;
    window.press("form .button.primary").await;
    assert!(window.text("main").await.contains("Changed: 2 records."));
    window.open("/reports/?q=checked").await;
    window.press(".foot a[href^='/reports/delete/']").await;
    window.fill("number", "2").await;
    window.press("form .button.danger").await;
    assert!(window.text("main").await.contains("Deleted: 2 records."));
    window.open("/reports/").await;
    assert_eq!(window.count("tbody tr").await, all - 2);
    window.quit().await;
}

/// A file with a bad line: what is good is imported, the bad line can be downloaded.
#[tokio::test]
async fn a_file_is_imported() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("people.csv");
    let lines =
        "Last name;First name;Born on;City\r\nMusil;Ann;1990-01-02;Vienna\r\nMusil;Bea;soon;Vienna\r\n";
    std::fs::write(&path, lines).unwrap();
    window.sign_in("owner@city-hospital.example").await;
    window.open("/patients/import/").await;
    window.pick("file", &path).await;
    window.press("main form .button.primary").await;
    window.look("owner").await;
    window.press("main form .button.primary").await;
    assert!(window.text("main").await.contains("1 line of people.csv cannot be imported"));
    window.look("owner").await;
    window.click("[data-download]").await;
    window.press("main button[value=import]").await;
    assert!(window.text("main").await.contains("Imported: 1 record."), "a download does not end the form");
    window.open("/patients/?q=musil").await;
    assert_eq!(window.count("tbody tr").await, 1);
    window.quit().await;
}

#[tokio::test]
async fn the_main_paths_work_without_javascript() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    window.without_scripts().await;
    window.sign_in("owner@city-hospital.example").await;
    window.open("/patients/").await;
    window.fill("q", "eder").await;
    window.enters("q").await;
    assert!(window.url().await.contains("q=eder"), "{}", window.url().await);
    window.open("/doctors/add/").await;
    let cities = window.options("city").await.len();
    window.choose("region", "Tyrol").await;
    window.press("noscript button").await;
    let narrowed = window.options("city").await;
    assert!(!narrowed.is_empty() && narrowed.len() < cities);
    window.open("/reports/").await;
    window.click("#tick-1").await;
    window.press("#bulk button[formaction]").await;
    assert_eq!(window.text("h1").await, "Delete 1 record?");
    window.open("/account/").await;
    window.press("button[value=dark]").await;
    assert_eq!(
        window.driver.find(By::Css("html")).await.unwrap().attr("data-theme").await.unwrap().unwrap(),
        "dark"
    );
    window.quit().await;
}

/// Deleted and changed records are taken back from a backup; others stay as they are.
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

/// No page breaks the policy or is wider than the window; small targets are large enough for a finger.
#[tokio::test]
async fn every_page_fits_wide_and_narrow_light_and_dark() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    for page in
        ["/login/", "/password/forgot/", "/account/reset/", "/account/invitation/", "/subscription/register/"]
    {
        window.open(page).await;
        window.look("visitor").await;
    }
    window.sign_in("owner@city-hospital.example").await;
    let pages = [
        "/dashboard/",
        "/settings/members/",
        "/settings/keys/",
        "/settings/activity/",
        "/settings/company/",
        "/settings/close/",
        "/settings/subscription/",
        "/settings/backups/",
        "/analytics/?model=payments&group_by=paid_at__month&measure=sum.amount",
        "/analytics/?model=doctors&group_by=city&gone=1",
        "/clinics/1/",
        "/clinics/1/override/",
        "/companies/",
        "/account/",
        "/doctors/",
        "/doctors/1/",
        "/doctors/add/",
        "/patients/1/edit/",
        "/doctors/1/delete/",
        "/patients/change/?q=eder",
        "/patients/delete/",
        "/patients/import/",
        "/reports/delete/",
        "/sales/1/delete/",
        "/clinics/",
        "/appointments/?status=scheduled&gone=1",
        "/payments/?q=nothing",
        "/reports/1/",
        "/no/such/page/here/",
    ];
    for page in pages {
        window.open(page).await;
        window.look("owner").await;
    }
    window.open("/settings/backups/").await;
    window.press("main header .button.primary").await;
    window.appears("form[action='/settings/compare/']").await;
    window.press("form[action='/settings/compare/'] button").await;
    window.look("owner").await;
    window.quit().await;
    Window::contact_sheet();
}

/// The pages of operators fit as well, and a support visit cannot be missed on any page of the company.
#[tokio::test]
async fn every_page_of_operators_fits() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    window.sign_in("admin@tenantry.example").await;
    for page in [
        "/master-admin/",
        "/master-admin/companies/",
        "/master-admin/companies/?q=nothing",
        "/master-admin/companies/city-hospital/",
        "/master-admin/companies/city-hospital/enter/",
        "/master-admin/operations/",
        "/master-admin/operations/1/",
        "/master-admin/backups/",
        "/master-admin/servers/",
        "/master-admin/audit/",
    ] {
        window.open(page).await;
        window.look("operator").await;
    }
    window.open("/master-admin/companies/city-hospital/enter/").await;
    window.fill("reason", "A report does not open").await;
    window.fill("password", tenantry::demo::PASSWORD).await;
    window.press("form.edit .button.primary, main form .button.primary").await;
    for page in ["/dashboard/", "/doctors/", "/doctors/1/"] {
        window.open(page).await;
        let bar = window.text(".acting").await;
        assert!(bar.contains("A report does not open") && bar.contains("City Hospital"), "{bar}");
        window.look("visit").await;
    }
    window.open("/exit/").await;
    window.press("main form .button").await;
    assert!(window.url().await.contains("/master-admin/companies/city-hospital/"), "{}", window.url().await);
    window.quit().await;
}
