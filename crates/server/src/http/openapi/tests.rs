//! Tests that the document is complete: it contains every route, every reference resolves, and every id is unique.

use super::*;

fn models() -> Vec<Arc<Model>> {
    let field = |name: &str, kind: Value, required: bool| {
        json!({"name": name, "kind": kind, "label": name, "required": required, "unique": false,
            "index": false, "search": name == "name", "personal": false, "default": null})
    };
    let model = |name: &str, id: &str, overrides: Value, fields: Value| {
        let model = json!({
            "app": "medadmin", "name": name, "label": name, "store": "tenant", "id": id, "display": "name",
            "indexes": [], "tenant_field": "company_id", "overrides": overrides, "audit": false, "fields": fields,
            "permissions": {"read": [], "create": [], "update": [], "delete": []},
        });
        Arc::new(serde_json::from_value(model).unwrap())
    };
    let patients = json!([
        field("name", json!({"type": "text", "max_length": 100}), true),
        field("status", json!({"type": "choice", "choices": ["active", "gone"]}), false),
        field("notes", json!({"type": "json"}), false),
        field("scan", json!({"type": "file", "max_bytes": 10}), false),
        field("city", json!({"type": "ref", "to": "cities", "on_delete": "protect"}), false),
        field("state", json!({"type": "choice", "choices": ["draft", "sent"]}), true),
    ]);
    let workflow = json!({"field": "state", "initial": "draft", "author": null, "transitions": [{
        "name": "send", "label": "Send", "from": ["draft"], "to": "sent", "roles": null, "comment": false, "not_by": []}]});
    let with_workflow = |model: Arc<Model>| {
        let workflow = Some(serde_json::from_value(workflow).unwrap());
        Arc::new(Model { workflow, ..Model::clone(&model) })
    };
    vec![
        with_workflow(model(
            "patients",
            "integer",
            json!({"store": "tenant", "fields": ["notes", "status"]}),
            patients,
        )),
        model(
            "cities",
            "uuid",
            Value::Null,
            json!([field("name", json!({"type": "text", "max_length": null}), true)]),
        ),
    ]
}

fn built() -> Value {
    serde_json::to_value(build("Test", &models())).unwrap()
}

fn visit<'a>(value: &'a Value, see: &mut impl FnMut(&str, &'a Value)) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            see(key, value);
            visit(value, see);
        }),
        Value::Array(items) => items.iter().for_each(|item| visit(item, see)),
        _ => {}
    }
}

#[test]
fn every_route_is_described_unscoped_route() {
    let document = built();
    for route in ROUTES.iter().filter(|route| !route.is_page) {
        let path = route.path.replace("{model}", "patients");
        let operation = &document["paths"][&path][route.method.as_str().to_ascii_lowercase()];
        assert_eq!(operation["summary"], route.summary, "{} {path}", route.method);
        assert_eq!(
            operation["security"].as_array().unwrap().is_empty(),
            route.access == Access::Public,
            "{path}"
        );
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for name in path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}')) {
            let found = parameters.iter().filter(|p| p["in"] == "path" && p["name"] == name).count();
            assert_eq!(found, 1, "{path} describes {name} once");
        }
        let statuses = operation["responses"].as_object().unwrap();
        assert!(statuses.keys().any(|s| s.starts_with('2')) && statuses.contains_key("default"), "{path}");
    }
}

#[test]
fn references_resolve_and_operation_ids_are_unique() {
    let document = built();
    let mut ids = BTreeSet::new();
    visit(&document, &mut |key, value| match (key, value) {
        ("$ref", Value::String(target)) => {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
        }
        ("operationId", Value::String(id)) => assert!(ids.insert(id.clone()), "{id} twice"),
        ("type" | "enum" | "format" | "default", Value::Null) => panic!("{key} that is null"),
        _ => {}
    });
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
}

#[test]
fn fields_keep_their_types() {
    let document = built();
    let patients = &document["components"]["schemas"]["patients_new"];
    assert_eq!(patients["required"], json!(["name"]));
    assert_eq!(patients["properties"]["status"]["enum"], json!(["active", "gone", null]));
    assert_eq!(
        patients["properties"]["city"]["type"],
        json!(["string", "null"]),
        "the key of cities is a UUID"
    );
    assert!(patients["properties"].get("scan").is_none(), "files have their own route");
    assert!(patients["properties"].get("state").is_none(), "only transitions set it");
    let send = &document["paths"]["/api/records/patients/{id}/transitions/{name}"]["post"];
    assert!(send["parameters"].to_string().contains(r#"["send"]"#), "{send}");
    for end in ["files/{field}", "override", "transitions", "trail"] {
        assert!(document["paths"].get(format!("/api/records/cities/{{id}}/{end}")).is_none(), "{end}");
    }
    let own = &document["components"]["schemas"]["patients_override"]["properties"];
    assert_eq!(own.as_object().unwrap().keys().collect::<Vec<_>>(), ["notes", "status"]);
}

/// The document contains everything that generators of typed clients need.
#[test]
fn clients_know_filters_columns_and_what_depends_on_what() {
    let document = built();
    let schemas = &document["components"]["schemas"];
    let read = schemas["patients"]["required"].as_array().unwrap();
    let columns =
        ["id", "name", "status", "notes", "scan", "city", "state", "created_at", "updated_at", "version"];
    assert_eq!(*read, columns.map(Value::from));
    for schema in ["patients_new", "patients_change", "patients_override"] {
        assert_eq!(schemas[schema]["additionalProperties"], false, "{schema}");
    }
    let of = |path: &str| -> BTreeSet<&str> {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        parameters.iter().map(|p| p["name"].as_str().unwrap()).collect()
    };
    let list = of("/api/records/patients");
    for known in
        ["id", "id__in", "created_at__gte", "version__lt", "status__ne", "name__contains", "notes__isnull"]
    {
        assert!(list.contains(known), "{known}");
    }
    assert!(!list.contains("city__contains") && !list.contains("notes"));
    assert!(of("/api/records/patients/{id}").is_superset(&BTreeSet::from(["id", "fields", "expand"])));
    assert!(!of("/api/records/patients/export").contains("limit"));
    assert!(!of("/api/records/cities").contains("expand"), "cities refer to nothing");
    let sends = |path: &str| of(path).contains("Tenantry-Position");
    assert!(["", "/{id}", "/export"].iter().all(|end| sends(&format!("/api/records/patients{end}"))));
    let created = &document["paths"]["/api/records/patients"]["post"]["responses"]["201"];
    assert_eq!(created["headers"]["Tenantry-Position"]["$ref"], "#/components/headers/Position");
    assert!(of("/api/admin/users").contains("limit") && of("/api/tenant/activity").contains("before"));
}

/// The document describes the contents of every answer.
#[test]
fn no_json_answer_is_a_bare_object() {
    let document = built();
    let mut answers = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            for (status, response) in responses.iter().filter(|(status, _)| status.starts_with('2')) {
                let Some(json) = response["content"].get("application/json") else {
                    let bodies = response["content"].as_object().map_or(0, Map::len);
                    assert!(*status == "204" || bodies > 0, "{method} {path} {status}");
                    continue;
                };
                assert!(is_typed(&document, &json["schema"]), "{method} {path} {status}: {json}");
                answers += 1;
            }
        }
    }
    assert!(answers > 80, "{answers}");
}

/// Every list has the same shape, so one function of a client can read all of them.
#[test]
fn every_list_is_a_page() {
    let document = built();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let lists = schemas.iter().filter(|(_, schema)| schema["properties"].get("items").is_some());
    let mut pages = 0;
    for (name, schema) in lists {
        assert_eq!(schema["required"], json!(["items", "next"]), "{name}");
        assert_eq!(schema["properties"]["next"]["type"], json!(["string", "null"]), "{name}");
        pages += 1;
    }
    assert!(pages >= 18, "{pages}");
    visit(&document["paths"], &mut |key, value| {
        assert!(key != "schema" || value["type"] != "object", "a body or answer without a name: {value}");
    });
}

/// A name that ends in a digit would belong to a second type of the same name. A default in a change would change
/// fields that the caller left out.
#[test]
fn names_of_types_are_their_own_and_changes_have_no_defaults() {
    let document = built();
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(!name.ends_with(|last: char| last.is_ascii_digit()), "{name}");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        let body = item["patch"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
        let body = body.and_then(|target| document.pointer(target.trim_start_matches('#')));
        // A member of this name has a schema.
        let is_default = |key: &str, value: &Value| key == "default" && value.get("type").is_none();
        visit(&json!(body), &mut |key, value| assert!(!is_default(key, value), "{path}: {value}"));
    }
}

/// Returns true if the schema has a type and, for a list, its items have one too.
fn is_typed(document: &Value, schema: &Value) -> bool {
    if let Some(target) = schema["$ref"].as_str() {
        return document
            .pointer(target.trim_start_matches('#'))
            .is_some_and(|schema| is_typed(document, schema));
    }
    if let Some(any) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return any.iter().all(|schema| is_typed(document, schema));
    }
    match (&schema["type"], schema["properties"].as_object()) {
        (Value::String(kind), None) if kind == "array" => is_typed(document, &schema["items"]),
        (Value::String(kind), None) => kind != "object",
        (_, Some(properties)) => properties.get("items").is_none_or(|list| is_typed(document, list)),
        _ => false,
    }
}
