//! Validates the OpenAPI document against the published schema of OpenAPI 3.1, and its schemas against that of JSON
//! Schema 2020-12. This project did not write the validator.

use super::app::TestApp;
use boon::{Compiler, Draft, Schemas};
use serde_json::{Value, json};

/// Schema of OpenAPI 3.1 documents, by the OpenAPI Initiative (Apache-2.0), as contained in the PyPI package openapi-spec-validator.
const OPENAPI: &str = include_str!("oas/schema-3.1.json");
const DOCUMENT: &str = "https://document.test/openapi.json";

fn compiler() -> Compiler {
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler
}

/// Returns the fault of the document, apart from its schemas.
fn wrong(document: &Value) -> Option<String> {
    let (mut schemas, mut compiler) = (Schemas::new(), compiler());
    let published: Value = serde_json::from_str(OPENAPI).unwrap();
    let id = published["$id"].as_str().unwrap().to_owned();
    compiler.add_resource(&id, published).unwrap();
    let published = compiler.compile(&id, &mut schemas).unwrap();
    schemas.validate(document, published).err().map(|error| format!("{error:#}"))
}

/// Adds the JSON pointers of all schemas of the document: those of components, and the value of each `schema`.
fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    let all: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (escaped(key), value)).collect(),
        Value::Array(all) => all.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
        _ => return,
    };
    for (key, value) in all {
        let here = format!("{at}/{key}");
        if key == "schema" || at == "/components/schemas" {
            into.push(here);
        } else {
            pointers(value, &here, into);
        }
    }
}

/// Returns the faults of the document's schemas, and the number of schemas.
fn wrong_schemas(document: &Value) -> (Vec<String>, usize) {
    let (mut schemas, mut compiler, mut all) = (Schemas::new(), compiler(), vec![]);
    compiler.add_resource(DOCUMENT, document.clone()).unwrap();
    pointers(document, "", &mut all);
    let encoded = |pointer: &str| pointer.replace('{', "%7B").replace('}', "%7D");
    let mut refused = |pointer: &String| {
        let compiled = compiler.compile(&format!("{DOCUMENT}#{}", encoded(pointer)), &mut schemas);
        compiled.err().map(|error| format!("{error:#}"))
    };
    let wrong = all.iter().filter_map(&mut refused).collect();
    (wrong, all.len())
}

#[tokio::test]
async fn the_document_is_valid_openapi() {
    let (_app, anon, _) = TestApp::new().await;
    let document = anon.get("/api/openapi.json").await.expect(200).json();
    assert_eq!(wrong(&document), None);
    let (found, number) = wrong_schemas(&document);
    assert_eq!(found, Vec::<String>::new());
    assert!(number > 300, "{number} schemas");
    // A document with a fault is refused.
    let with = |pointer: &str, value: Value| {
        let mut document = document.clone();
        *document.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        document
    };
    assert!(wrong(&with("/info/title", Value::Null)).is_some());
    assert!(wrong(&with("/paths/~1api~1me/get/responses", json!({"ok": {}}))).is_some());
    for fault in
        [json!({"type": "string", "enum": null}), json!({"type": "text"}), json!({"$ref": "#/nowhere"})]
    {
        let (found, _) = wrong_schemas(&with("/components/schemas/Profiled/properties/name", fault.clone()));
        assert!(!found.is_empty(), "{fault}");
    }
}
