//! The pages of staff in a real browser.

use super::kit::Stage;

/// A staff member works through the checklist, creates a plan, puts a company on it, and changes a shared record after
/// reading which companies would notice.
#[tokio::test]
async fn staff_look_after_plans_and_shared_data() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    window.sign_in("admin@tenantry.example").await;
    window.open("/admin/").await;
    let missing = window.text("#checklist").await;
    assert!(
        missing.contains("the password of the demo") && missing.contains("No backup is made"),
        "{missing}"
    );
    window.look("staff").await;
    window.open("/admin/plans/").await;
    window.press("main header .button.primary").await;
    for (field, value) in [("name", "Team"), ("code", "team"), ("price", "99 € a month"), ("users", "20")] {
        window.fill(field, value).await;
    }
    window.look("staff").await;
    window.press("main form .button.primary").await;
    assert_eq!(window.text("h1").await, "Team");
    window.look("staff").await;
    window.open("/admin/subscriptions/?q=city").await;
    window.press("tbody th a").await;
    window.press("main header .button.primary").await;
    window.choose("plan", "Team").await;
    window.press("main form .button.primary").await;
    assert!(window.text("main").await.contains("The plan is changed."));
    window.look("staff").await;
    // The form of a shared record asks the companies without a click.
    window.open("/admin/data/cities/?q=vienna").await;
    window.press("tbody th a").await;
    window.press("main header .button.primary").await;
    window.appears("#impact tbody tr").await;
    assert!(window.driver.title().await.unwrap().starts_with("Edit Vienna"), "the part has no title");
    let notice = window.text("#impact").await;
    assert!(notice.contains("City Hospital") && notice.contains("it from being deleted"), "{notice}");
    window.look("staff").await;
    window.fill("name", "Vienna-Centre").await;
    window.press("form.edit .button.primary").await;
    assert!(window.text("h1").await.starts_with("Vienna-Centre"));
    window.press("main header a[href$='/delete/']").await;
    window.appears("#impact tbody tr").await;
    window.look("staff").await;
    window.quit().await;
}

#[tokio::test]
async fn every_page_of_staff_fits() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    window.sign_in("admin@tenantry.example").await;
    for page in [
        "/admin/companies/",
        "/admin/companies/city-hospital/",
        "/admin/plans/",
        "/admin/plans/starter/edit/",
        "/admin/plans/starter/archive/",
        "/admin/subscriptions/",
        "/admin/subscriptions/city-hospital/extend/",
        "/admin/users/",
        "/admin/users/add/",
        "/admin/users/2/",
        "/admin/users/2/rights/",
        "/admin/users/?q=nobody",
        "/admin/letters/",
        "/admin/data/",
        "/admin/data/clinics/",
        "/admin/data/clinics/1/",
        "/admin/data/clinics/1/impact/",
        "/admin/data/cities/import/",
    ] {
        window.open(page).await;
        window.look("staff").await;
    }
    // Without scripts, a link asks the companies.
    window.without_scripts().await;
    window.open("/admin/data/cities/?q=vienna").await;
    window.press("tbody th a").await;
    window.press("main header .button.primary").await;
    window.press("#impact .button").await;
    assert!(window.text("#impact").await.contains("City Hospital"));
    window.quit().await;
}
