//! Operators in a real browser: a move of a company that is watched live.

use crate::kit::Stage;

/// An operator moves a company to another server and watches the steps without reloading. The company's owner continues
/// to work meanwhile.
#[tokio::test]
async fn a_move_is_watched_live() {
    let stage = Stage::on_two_servers().await;
    let (operator, owner) = (stage.window().await, stage.window().await);
    operator.sign_in("admin@tenantry.example").await;
    owner.sign_in("owner@city-hospital.example").await;
    operator.open("/master-admin/companies/city-hospital/move/").await;
    operator.choose("server", "second").await;
    operator.press("main form .button.primary").await;
    assert!(operator.url().await.contains("/master-admin/operations/"), "{}", operator.text("main").await);
    operator.script("window.loaded = 'once'").await;
    owner.open("/reports/1/edit/").await;
    owner.fill("title", "Written during the move").await;
    owner.press("form.edit .button.primary").await;
    operator.appears("#live .pause").await;
    assert_eq!(operator.script("return window.loaded").await, "once", "the page was not loaded again");
    assert_eq!(operator.count(".rail li.done").await, operator.count(".rail li").await);
    operator.look("operator").await;
    operator.open("/master-admin/companies/city-hospital/").await;
    assert!(operator.text("main").await.contains("second"));
    owner.open("/reports/1/").await;
    assert_eq!(owner.text("h1").await, "Written during the move");
    for window in [operator, owner] {
        window.quit().await;
    }
}
