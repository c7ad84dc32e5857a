//! Servers by plan over HTTP, with servers of SQLite and MongoDB.

use super::{
    app::TestApp,
    copies::company,
    plan_servers::{change, count, create, over, server},
};
use serde_json::json;
use tenantry_server::http::Options;
use tenantry_testkit::mongodb;

#[tokio::test]
async fn a_plan_takes_tenants_to_mongodb_and_back_to_sqlite() {
    let home = mongodb::Home::new().await;
    let (url, prefix) = (mongodb::url(), home.prefix());
    let text = format!(
        "[servers.main]\npath = \"databases\"\nlabels = {{ region = \"us\" }}\n\
         [servers.mongo]\nengine = \"mongodb\"\nurl = \"{url}\"\nprefix = \"{prefix}\"\nlabels = {{ region = \"eu\" }}\n\
         [stores.control]\nserver = \"main\"\n[stores.shared]\nserver = \"main\"\n\
         [stores.tenant]\nservers = [\"main\", \"mongo\"]\n[registration]\nplacement = \"first\"\n\
         [plans.starter]\n[plans.europe]\nservers = {{ region = \"eu\" }}\n\
         [plans.america]\nservers = {{ region = \"us\" }}\n"
    );
    let app = TestApp::configured(&text, Options::default()).await;
    let staff = app.staff().await;
    let acme = company(&app, &staff, "acme", "Quetzal").await;
    create(&staff, "euro", "europe").await;
    assert_eq!((server(&staff, "acme").await, server(&staff, "euro").await), ("main".into(), "mongo".into()));
    for (plan, expected) in [("europe", "mongo"), ("america", "main")] {
        let changed = change(&staff, "acme", json!({"plan": plan, "move": true})).await;
        assert_eq!(over(&app, &changed["operation"]).await, "Done None", "{plan}");
        assert_eq!((server(&staff, "acme").await, count(&acme).await), (expected.to_owned(), json!(3)));
    }
}
