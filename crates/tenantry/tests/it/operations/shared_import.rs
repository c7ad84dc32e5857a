//! The scenario of an import of a database that two tenants shared, from exported files.

use super::{
    Scenario,
    backup::through,
    kit::{ROWS, contents, count, tenant},
};
use crate::test_platform::{TestPlatform, by, operator, registration, slug};
use std::{collections::BTreeSet, fmt::Write, fs};
use tenantry::shared_imports::{Mapping, SharedImport, SharedSource};

const LAST: &str = "SELECT count(*) FROM (SELECT state FROM operations WHERE kind = 'shared_import' \
    ORDER BY id DESC LIMIT 1) WHERE state = 'done'";
const MAPPING: &str = "tenant_field = \"organisation\"\n[collections.items]\n[collections.sheets]\nrename = { title = \"name\" }\n";

/// Number of documents of each tenant in each collection. A batch has 200.
const DOCUMENTS: u64 = 205;

/// Writes the files of the source with this many documents of each tenant in each collection.
fn export(w: &TestPlatform, documents: u64) {
    let folder = w.platform.config().platform.data_dir.join("imports/old/shared");
    fs::create_dir_all(&folder).unwrap();
    for (collection, field) in [("items", "name"), ("sheets", "title")] {
        let mut text = String::new();
        for (of, number) in
            ["alpha", "beta", "elsewhere"].iter().flat_map(|of| (0..documents).map(move |n| (of, n)))
        {
            let line = format!(
                r#"{{"_id": {{"$oid": "{:024x}"}}, "organisation": "{of}", "{field}": "old {number}"}}"#,
                number * 3 + of.len() as u64 % 3
            );
            let id = format!("{of}-{number}");
            let line = if collection == "items" {
                line
            } else {
                format!(r#"{{"_id": "{id}", {}"#, line.split_once(", ").unwrap().1)
            };
            writeln!(text, "{line}").unwrap();
        }
        fs::write(folder.join(format!("{collection}.json")), text).unwrap();
    }
}

fn wanted() -> SharedImport {
    SharedImport {
        source: SharedSource {
            server: None,
            files: Some("old".into()),
            database: "shared".into(),
            shared_database: "shared".into(),
        },
        mapping: Mapping::parse(MAPPING).unwrap(),
        dry_run: false,
        create_missing: None,
        skip_invalid: false,
    }
}

/// Returns the number of imported rows of a tenant. None may be there twice.
async fn imported(w: &TestPlatform, name: &str) -> u64 {
    let session = w.enter(name).await;
    let mut all = 0;
    for model in ["items", "sheets"] {
        let records = w.platform.records(&session, model).unwrap();
        let mut seen = BTreeSet::new();
        let exported = records.export_csv(tenantry::query::Select::default()).unwrap();
        for line in exported_lines(exported).await.lines().filter(|line| line.contains("old ")) {
            assert!(
                seen.insert(line.split(',').nth(1).unwrap().to_owned()),
                "{model} of {name} twice: {line}"
            );
        }
        all += seen.len() as u64;
    }
    all
}

async fn exported_lines(mut export: tenantry::records::CsvExport<'_>) -> String {
    let mut text = Vec::new();
    while let Some(page) = export.page().await.unwrap() {
        text.extend_from_slice(&page);
    }
    String::from_utf8(text).unwrap()
}

/// An import of two organisations and one that is unknown. An abandoned import leaves what it has written; the next takes the
/// rest.
pub(super) const SHARED: Scenario = Scenario {
    name: "shared_import",
    kind: "shared_import",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            tenant(w, "beta").await;
            export(w, DOCUMENTS);
        })
    },
    run: |w| {
        Box::pin(async {
            let started = w.platform.shared_imports().start(&operator(), wanted()).await;
            through(w, started).await
        })
    },
    finished: |w| {
        Box::pin(async {
            let done = count(w, LAST).await == 1;
            for name in ["alpha", "beta"] {
                let imported = imported(w, name).await;
                assert!(!done || imported == 2 * DOCUMENTS, "{imported} rows of {name}");
                let found = contents(w, name).await;
                for (model, row) in ROWS {
                    assert!(found.contains(&(model.to_owned(), row.to_owned())), "{model} {row} of {name}");
                }
            }
            done
        })
    },
    endless: |w: &TestPlatform, n| {
        Box::pin(async move {
            for name in ["alpha", "beta"] {
                if w.platform.tenants().show(&slug(name)).await.is_err() {
                    w.operations.create_tenant(&by(), registration(name)).await.unwrap();
                }
            }
            export(w, n.min(DOCUMENTS));
            let run = w.platform.shared_imports().start(&operator(), wanted()).await.unwrap();
            w.operations.wait(run).await.unwrap();
            for name in ["alpha", "beta"] {
                assert!(imported(w, name).await >= 2 * n.min(DOCUMENTS));
            }
        })
    },
};
