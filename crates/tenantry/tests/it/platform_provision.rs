//! Provisioning on the real engine: what the operation suites show with small files holds there too.

use crate::installation::Installation;
use std::fs;

/// The catalog was lost but the files were not: a tenant of the same name gets a database of another name, and the file
/// stays as it is.
#[tokio::test]
async fn a_foreign_file_in_the_way_is_left_alone_and_its_name_passed_over_no_reuse() {
    let w = Installation::new().start().await;
    let alpha = w.create("alpha").await.databases.remove(0);
    let others = fs::read(w.root.join(format!("{alpha}.db"))).unwrap();
    for (name, contents) in [("beta", b"not a database".to_vec()), ("gamma", others)] {
        let database = alpha.replace("alpha", name);
        let foreign = w.root.join(format!("{database}.db"));
        fs::write(&foreign, &contents).unwrap();
        let made = w.create(name).await;
        assert_ne!(made.databases[0], database);
        assert!(fs::read(&foreign).unwrap() == contents, "{name}: the file was changed");
    }
    assert!(w.audit().verify().await.unwrap().faults.is_empty());
}
