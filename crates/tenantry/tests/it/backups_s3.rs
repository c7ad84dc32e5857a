//! Backups in an S3-compatible store that runs in this process (`s3s-fs`). Requires the feature `s3`, which `cargo
//! xtask test` enables.

use crate::{
    backups_kit::noise,
    installation::{ISOLATIONS, Installation},
    test_platform::{operator, slug},
};
use std::process::Command;
use tenantry_testkit::{s3, tried};

/// The keys of a store come from the environment, which a test must not change for its own process. So the test starts
/// itself as a child process with these variables.
#[tokio::test(flavor = "multi_thread")]
async fn backups_go_to_s3_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("bucket")).unwrap();
    let endpoint = s3::serve(dir.path()).await;
    let child = move || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "backups_s3::child", "--nocapture", "--test-threads=1"]);
        command.env("AWS_ACCESS_KEY_ID", s3::KEY.0).env("AWS_SECRET_ACCESS_KEY", s3::KEY.1);
        command.env("TENANTRY_TEST_S3", endpoint).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(child).await.unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    assert!(text.contains("S3: done"), "{text}");
    tried("T7 backups to S3 and back", 4, "of two companies in both isolations");
}

#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(endpoint) = std::env::var("TENANTRY_TEST_S3") else { return };
    for isolation in ISOLATIONS {
        let backups = format!(
            "[backups]\ntarget = \"s3://bucket/{isolation}/backups\"\nendpoint = \"{endpoint}\"\nregion = \"us-east-1\"\n\
             [backups.keep]\ndaily = 1\nweekly = 0\nmonthly = 0\n\
             [files]\ntarget = \"s3://bucket/{isolation}/files\"\nendpoint = \"{endpoint}\"\nregion = \"us-east-1\"\n"
        );
        let clinic = Installation::new().isolation(isolation).with(&backups).start().await;
        for name in ["acme", "neighbour"] {
            clinic.create(name).await;
            let report = clinic.add_report(name, "report").await;
            // Incompressible and longer than one part, so that the upload has several parts.
            clinic.put_file(name, &report["id"].to_string(), &noise(19 << 20)).await;
        }
        assert!(!clinic.installation.dir.join("data/files").exists(), "they are in the object store alone");
        let then = clinic.sums("acme").await;
        let (first, file) = (clinic.back_up("acme").await, clinic.file("acme", "1").await.unwrap());
        assert_eq!(clinic.backups().verify(&operator(), &first).await.unwrap().damage, None);
        clinic.back_up("neighbour").await;
        clinic.add_report("acme", "later").await;
        clinic.put_file("acme", "1", "replaced").await;
        clinic.restore("acme", &first).await;
        clinic.swap("acme").await;
        assert_eq!(clinic.sums("acme").await, then, "{isolation}");
        assert_eq!(clinic.file("acme", "1").await.unwrap(), file, "{isolation}");
        // Retention removes from the store; a rescan finds the remaining backups.
        let two_days_ago = "UPDATE backups SET at = at - 172800000000 WHERE tenant = 1";
        assert_eq!(clinic.catalog(two_days_ago).await, 1);
        let second = clinic.back_up("acme").await;
        assert!(clinic.backups().show(&first).await.is_err(), "the last day is kept");
        clinic.catalog("DELETE FROM backups").await;
        assert_eq!(clinic.backups().rescan(&operator()).await.unwrap().taken_up, 2, "{isolation}");
        let listed = clinic.backups().of_tenant(&slug("acme"), 10).await.unwrap();
        assert_eq!(listed.iter().map(|b| &b.id).collect::<Vec<_>>(), [&second]);
    }
    println!("S3: done");
}

/// The bucket, the key and its secret, and the expected line.
const TROUBLES: [(&str, &str, &str, &str); 3] = [
    ("nowhere", s3::KEY.0, s3::KEY.1, "bucket or directory is not there: make it"),
    ("bucket", s3::KEY.0, "not-the-secret", "key is refused: see AWS_ACCESS_KEY_ID"),
    ("bucket", "not-the-key", s3::KEY.1, "key is refused: see AWS_ACCESS_KEY_ID"),
];

/// A fault of the store is reported in one line at server start and by `check`, before a scheduled backup fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_and_a_wrong_key_are_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("bucket")).unwrap();
    let endpoint = s3::serve(dir.path()).await;
    for (bucket, key, secret, said) in TROUBLES {
        let endpoint = endpoint.clone();
        let child = move || {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "backups_s3::troubled_child", "--nocapture", "--test-threads=1"]);
            command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", secret);
            command.env("TENANTRY_TEST_S3", endpoint).env("TENANTRY_TEST_BUCKET", bucket).output().unwrap()
        };
        let output = tokio::task::spawn_blocking(child).await.unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{bucket} {key}: {text}");
        let line = text.lines().find(|line| line.contains("trouble: ")).unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains(&format!("s3://{bucket}/")) && line.contains(said), "{line}");
        assert!(!line.contains(secret), "{line}");
    }
    tried("T14 an object store that refuses", TROUBLES.len() as u64, "causes told in one line");
}

#[tokio::test(flavor = "multi_thread")]
async fn troubled_child() {
    let (Ok(endpoint), Ok(bucket)) =
        (std::env::var("TENANTRY_TEST_S3"), std::env::var("TENANTRY_TEST_BUCKET"))
    else {
        return;
    };
    let backups = format!(
        "[backups]\ntarget = \"s3://{bucket}/backups\"\nendpoint = \"{endpoint}\"\nregion = \"us-east-1\"\n"
    );
    let clinic = Installation::new().with(&backups).start().await;
    let trouble = clinic.backups().store_trouble().await.unwrap();
    assert!(!trouble.contains('\n'), "{trouble}");
    println!("trouble: {trouble}");
    // A backup fails with the same cause, and the tenant keeps working.
    clinic.create("acme").await;
    let asked = clinic.backups().start(&operator(), &slug("acme"), None).await.unwrap();
    let over = clinic.operations().wait(asked.operation).await.unwrap();
    assert_eq!(
        (over.state, over.code.as_deref()),
        (tenantry::operations::State::Undone, Some("unavailable"))
    );
    clinic.add_report("acme", "goes on").await;
}
