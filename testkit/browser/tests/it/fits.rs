//! Checks of every page, wide and narrow, light and dark, with axe-core.

use crate::kit::{Stage, Window};

/// No page violates its policy or is wider than the window, and small targets are large enough for a finger.
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

/// The operators' pages fit as well, and every page of the company shows a support visit.
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
        "/master-admin/map/",
        "/master-admin/analytics/",
        "/master-admin/monitoring/",
        "/master-admin/migrations/",
        "/master-admin/proof/",
        "/master-admin/proof/run/",
        "/master-admin/companies/create/",
        "/master-admin/companies/city-hospital/back-up/",
        "/master-admin/companies/city-hospital/move/",
        "/master-admin/companies/city-hospital/cancel/",
        "/master-admin/backups/run/",
        "/master-admin/import/",
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

/// A browser that has nothing yet loads little before a page, and little before it paints. The files are those of a
/// debug build, which sends them as they are: the console's own test counts them as they are sent.
#[tokio::test]
async fn two_requests_are_made_before_a_page_is_painted() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    window.open("/login/").await;
    let blocking = "return performance.getEntriesByType('resource').filter(e => e.renderBlockingStatus === 'blocking') \
        .map(e => e.name.split('/').pop()).concat([...document.querySelectorAll('link[rel=preload]')] \
        .map(e => e.getAttribute('href').split('/').pop()))";
    let wanted = serde_json::json!(["app.css", "inter.woff2"]);
    // A browser that starts on a busy machine may give up the style sheet of its first page.
    if window.script(blocking).await != wanted {
        window.open("/login/").await;
    }
    assert_eq!(window.script(blocking).await, wanted);
    window.sign_in("owner@city-hospital.example").await;
    for page in ["/dashboard/", "/doctors/", "/payments/"] {
        window.open(page).await;
        assert_eq!(window.script(blocking).await, wanted, "{page}");
        let others = "const known = ['app.css', 'console.js', 'htmx.js', 'icons.svg', 'icon.svg', 'inter.woff2']; \
            return performance.getEntriesByType('resource').map(e => e.name.split('#')[0].split('/').pop()) \
            .filter(name => !known.includes(name))";
        assert_eq!(window.script(others).await, serde_json::json!([]), "{page}");
    }
    window.quit().await;
}
