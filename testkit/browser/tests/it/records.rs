//! Records in a real browser: search, dependent choices, two users who change one record, bulk changes, import, and all
//! of these without JavaScript.

use crate::kit::Stage;
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

/// Two users change one record at the same time. The second one decides field by field.
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

/// Ticked records are changed and the records of a filter are deleted. No others change.
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

/// A file with one bad line: the good lines are imported, and the bad line can be downloaded.
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
