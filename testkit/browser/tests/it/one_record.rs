//! Files and history of a record, and conditions on references, in a real browser.

use crate::kit::Stage;
use thirtyfour::By;

/// A file is uploaded to a record and downloaded again, and the history of the record shows the changes.
#[tokio::test]
async fn files_and_history_of_a_record() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    std::fs::write(&path, "notes").unwrap();
    window.sign_in("owner@city-hospital.example").await;
    window.open("/reports/1/edit/").await;
    window.pick("document", &path).await;
    window.look("owner").await;
    window.press("form.edit .button.primary").await;
    assert_eq!(window.text("a.file").await, "notes.txt");
    window.look("owner").await;
    window.open("/reports/1/edit/").await;
    window.click("#remove-document").await;
    window.press("form.edit .button.primary").await;
    assert_eq!(window.count("a.file").await, 0);
    for gender in ["Other", "Female"] {
        window.open("/patients/1/edit/").await;
        window.choose("gender", gender).await;
        window.fill("phone", "4711").await;
        window.press("form.edit .button.primary").await;
    }
    window.press("a[href='/patients/1/history/']").await;
    let text = window.text(".changes").await;
    assert!(text.contains("Gender") && text.contains("Female") && !text.contains("4711"), "{text}");
    window.look("owner").await;
    window.quit().await;
}

/// The choices of conditions are loaded when they are opened, with and without JavaScript.
#[tokio::test]
async fn conditions_on_references_are_chosen() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    window.sign_in("owner@city-hospital.example").await;
    window.open("/doctors/").await;
    assert_eq!(window.options("filter-city").await.len(), 0);
    window.click("[data-opens] summary").await;
    window.settled().await;
    let cities = window.options("filter-city").await;
    assert!(!cities.is_empty());
    window.look("owner").await;
    window.choose("filter-city", &cities[0]).await;
    window.press("#query .button.primary").await;
    assert!(window.text(".chips").await.contains(&cities[0]), "{}", window.text(".chips").await);
    window.open("/doctors/?any=(last_name__contains=a,city.region=1)&sort=city.name").await;
    window.look("owner").await;
    window.without_scripts().await;
    window.open("/doctors/").await;
    window.click("[data-opens] summary").await;
    let link = window.driver.find(By::Css("#references noscript a")).await.unwrap();
    let choices = link.attr("href").await.unwrap().unwrap();
    assert_eq!(choices, "/doctors/?_choices=1");
    window.open(&choices).await;
    assert!(!window.options("filter-city").await.is_empty());
    window.quit().await;
}
