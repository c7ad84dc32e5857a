//! Sign-in, sessions and trials while the system clock is wrong, and after it is corrected (T14, row "the clock
//! jumps").

use super::app::TestApp;
use std::time::Duration;
use tenantry::clock::{DAY_US, SECOND_US};

const OWNER: &str = "owner@acme.example";

async fn pass(app: &TestApp) {
    let background = app.platform().start_background();
    tokio::time::sleep(Duration::from_millis(300)).await;
    background.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_jump_ended_goes_on_when_the_clock_is_right_again() {
    let (app, _, acme) = TestApp::new().await;
    let clock = app.clock();
    for jump_us in [3 * SECOND_US, 7_200 * SECOND_US, 800 * DAY_US] {
        let long = jump_us > DAY_US;
        clock.jump_us(jump_us);
        pass(&app).await;
        let meanwhile = app.login(OWNER).await;
        meanwhile.get("/api/records/patients").await.expect(if long { 402 } else { 200 });
        acme.get("/api/me").await.expect(if long { 401 } else { 200 });
        clock.jump_us(-jump_us);
        pass(&app).await;
        acme.get("/api/records/patients").await.expect(200);
        // This process remembers the session. The list is read from the control store.
        let sessions = acme.get("/api/auth/sessions").await.expect(200).json();
        let listed = sessions["items"].as_array().unwrap().iter().any(|session| session["current"] == true);
        assert!(listed, "{sessions}");
        let shown = acme.get("/api/tenant").await.expect(200).json();
        assert_eq!(shown["subscription"], "trial", "{shown}");
        // A session must not last 800 days because the clock was ahead when it began.
        meanwhile.get("/api/me").await.expect(if long { 401 } else { 200 });
        app.login(OWNER).await.get("/api/records/patients").await.expect(200);
    }
    // The clock is behind: a new session is valid at once, although older changes have later dates.
    for jump_us in [-3 * SECOND_US, -7_200 * SECOND_US, -800 * DAY_US] {
        clock.jump_us(jump_us);
        app.login(OWNER).await.get("/api/records/patients").await.expect(200);
        clock.jump_us(-jump_us);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_because_of_the_clock_is_told_where_operators_look() {
    let (app, _, _) = TestApp::new().await;
    let staff = app.staff().await;
    let ready = app.anon().get("/readyz").await.expect(200).text();
    assert!(!ready.contains("clock"), "{ready}");
    app.clock().jump_us(2 * 3_600 * SECOND_US);
    let ready = app.anon().get("/readyz").await.expect(200).text();
    assert!(ready.contains("tenantry clock accept"), "{ready}");
    let metrics = staff.get("/metrics").await.expect(200).text();
    assert!(metrics.contains("\ntenantry_clock_ahead_seconds 7"), "{metrics}");
}
