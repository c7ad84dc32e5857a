//! The audit log by actor, action and time: through the API, on the page, as an export, on the command line.

use super::{app::TestApp, web::Web};
use serde_json::{Value, json};

const STAFF: &str = "staff@platform.example";

fn ids(page: &Value) -> Vec<i64> {
    page["items"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// Returns the rows for which a check of the whole log holds, newest first.
fn expected(all: &Value, holds: impl Fn(&Value) -> bool) -> Vec<i64> {
    let rows = all["items"].as_array().unwrap().iter().filter(|row| holds(row));
    rows.map(|row| row["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn filters_find_the_rows_of_an_actor_an_action_and_a_time() {
    let (app, _, _) = TestApp::new().await;
    let staff = app.staff().await;
    app.register("birch").await;
    for (verb, body) in [("suspend", json!({"reason": "unpaid"})), ("resume", json!({}))] {
        staff.post(&format!("/api/admin/tenants/birch/{verb}"), &body).await.expect(200);
    }
    let wish = json!({"tenant": "acme", "reason": "ticket 7", "minutes": 5});
    let token = staff.post("/api/admin/impersonate", &wish).await.json()["token"].clone();
    app.anon().with_token(token.as_str().unwrap()).delete("/api/admin/impersonate").await;
    let all = staff.get("/api/admin/audit?limit=1000").await.expect(200).json();
    let me = format!("user:{}", staff.get("/api/me").await.json()["user"]["id"]);
    let find = async |filter: &str| {
        ids(&staff.get(&format!("/api/admin/audit?limit=1000&{filter}")).await.expect(200).json())
    };
    let mine = |row: &Value| row["actor"] == *me || row["impersonator"] == *me;
    let wanted = expected(&all, mine);
    assert!(all["items"].as_array().unwrap().iter().any(|row| row["impersonator"] == *me), "{all}");
    assert!(wanted.len() > 3 && wanted.len() < ids(&all).len(), "{wanted:?}");
    assert_eq!(find(&format!("actor={me}")).await, wanted);
    assert_eq!(find(&format!("actor={STAFF}")).await, wanted, "by address");
    assert_eq!(find("actor=nobody@x.example").await, Vec::<i64>::new());
    let action = |name: &'static str| move |row: &Value| row["action"].as_str().unwrap().starts_with(name);
    assert_eq!(find("action=tenant.suspend").await, expected(&all, action("tenant.suspend")));
    assert_eq!(find("action=tenant").await, expected(&all, action("tenant.")));
    assert_eq!(find("action=ten").await, Vec::<i64>::new(), "a noun is a whole word");
    let both = find(&format!("action=tenant&actor={me}")).await;
    assert_eq!(both, expected(&all, |row| mine(row) && action("tenant.")(row)));
    let middle = &all["items"][3];
    let at = middle["at"].as_str().unwrap();
    assert_eq!(find(&format!("since={at}")).await, expected(&all, |row| row["at"].as_str().unwrap() >= at));
    assert_eq!(find(&format!("until={at}")).await, expected(&all, |row| row["at"].as_str().unwrap() < at));
    // Pages of one row each give the same rows, also of a time alone.
    let since = expected(&all, |row| row["at"].as_str().unwrap() >= at);
    for (filter, wanted) in [(format!("actor={me}"), wanted), (format!("since={at}"), since)] {
        let (mut paged, mut before) = (vec![], String::new());
        loop {
            let page =
                staff.get(&format!("/api/admin/audit?limit=1&{filter}{before}")).await.expect(200).json();
            paged.extend(ids(&page));
            let Some(next) = page["next"].as_str() else { break };
            before = format!("&before={next}");
        }
        assert_eq!(paged, wanted, "{filter}");
    }
    staff.get("/api/admin/audit?since=yesterday").await.expect(400);
}

#[tokio::test]
async fn an_export_has_all_rows_of_the_filter_and_no_formula() {
    let (app, _, _) = TestApp::new().await;
    let staff = app.staff().await;
    let reason = json!({"reason": "=cmd()"});
    staff.post("/api/admin/tenants/acme/suspend", &reason).await.expect(200);
    let all = staff.get("/api/admin/audit?limit=1000").await.expect(200).json();
    let lines = staff.get("/api/admin/audit/export?format=ndjson").await.expect(200);
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let rows: Vec<Value> = lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(rows), all["items"], "one line for each row, as in the list");
    // More rows than are read at a time.
    let copy = "INSERT INTO audit (id, at, actor, action, detail, prev_hash, hash) \
        SELECT id + 1000 * n, at, '=actor', 'x.many', '{}', '', '' FROM audit, \
        (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3) AS more WHERE id <= 1000";
    let mut made = 0;
    while made < 1200 {
        made += app.catalog(&copy.replace("1000 * n", &format!("1000 * n + {} + {made}", 10_000))).await;
    }
    let csv = staff.get("/api/admin/audit/export?action=x.many").await.expect(200);
    assert!(csv.header("content-disposition").contains("audit.csv"));
    let text = csv.text();
    let many = staff.get("/api/admin/audit?action=x.many&limit=1").await.json()["items"][0]["id"].clone();
    assert!(text.lines().nth(1).unwrap().starts_with(&format!("{many},")), "newest first: {many}");
    assert!(text.starts_with("id,at,actor,impersonator,tenant,action,detail,prev_hash,hash"), "{text}");
    assert_eq!(text.lines().count() as u64, made + 1);
    assert!(text.contains(",'=actor,") && !text.contains(",=actor"), "a cell is never a formula");
}

#[tokio::test]
async fn the_page_filters_and_leads_to_the_export_of_what_it_shows() {
    let (app, _, _) = TestApp::new().await;
    let staff = app.staff().await;
    staff.post("/api/admin/tenants/acme/suspend", &json!({"reason": "unpaid"})).await.expect(200);
    let mut web = Web::signed_in(&app, STAFF).await;
    let page = web.get(&format!("/master-admin/audit/?actor={STAFF}&action=tenant")).await.expect(200);
    assert!(
        page.text().contains("tenant.suspend") && !page.text().contains("session.create"),
        "{}",
        page.text()
    );
    let links = page.attrs("a", "href");
    let export = links.iter().find(|link| link.contains("format=csv")).unwrap();
    let csv = web.get(export).await.expect(200).body;
    assert!(csv.contains("tenant.suspend") && !csv.contains("session.create"), "{csv}");
    let none = web.get("/master-admin/audit/?from=2090-01-01&to=2090-01-02").await.expect(200);
    assert!(none.text().contains("No row fits"), "{}", none.text());
    let today = web.get("/master-admin/audit/?from=2020-01-01&to=2089-12-31").await.expect(200);
    assert!(today.text().contains("tenant.suspend"), "{}", today.text());
}
