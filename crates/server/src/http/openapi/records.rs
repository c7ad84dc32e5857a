//! Operations on the records of one model: separate paths per model, so that generated clients are typed.
//!
//! The builder of the document uses it.

use super::{
    answer, body,
    describe::Schemas,
    filters::{self, query},
    frame, is,
    model::id,
    reference, reference_to, sent_position,
};
use crate::{
    http::routes::Route,
    wire::{
        Page,
        record::{Change, ImportReport, MadeTransition, Standing, TransitionInput, Written},
    },
};
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use tenantry::{
    model::{FieldKind, Model},
    records::{DateOrder, DecimalMark, FileEncoding, Separator},
};

/// Returns true if the route exists for the model: routes of file fields and overrides need a model that has them.
pub(super) fn applies(route: &Route, model: &Model) -> bool {
    let has_file = || model.fields.iter().any(|f| matches!(f.kind, FieldKind::File { .. }));
    match route.path.rsplit_once("/{id}/") {
        Some((_, "files/{field}")) => has_file(),
        Some((_, "override")) => model.overrides.is_some(),
        Some((_, "transitions" | "transitions/{name}" | "trail")) => model.workflow.is_some(),
        _ => true,
    }
}

pub(super) fn operation(route: &Route, model: &Model, models: &[Arc<Model>], schemas: &mut Schemas) -> Value {
    let name = model.name.as_str();
    let mut operation = frame(route, &model.label, &format!("{}_{name}", route.operation()));
    operation["parameters"] = parameters(route, model, models);
    let one = reference(name);
    let (status, response) = if is(route, &Method::GET, "") {
        ("200", answer("A page", &reference(&format!("{name}_page"))))
    } else if is(route, &Method::POST, "") {
        operation["requestBody"] = body(&reference(&format!("{name}_new")));
        ("201", answer("Created", &one))
    } else if is(route, &Method::GET, "/{id}") {
        ("200", answer("The record", &one))
    } else if is(route, &Method::PATCH, "/{id}") {
        operation["requestBody"] = body(&reference(&format!("{name}_change")));
        ("200", answer("Changed", &one))
    } else if is(route, &Method::GET, "/{id}/override") {
        ("200", answer("The shared values, and the tenant's own", &reference(&format!("{name}_own_values"))))
    } else if is(route, &Method::PUT, "/{id}/override") {
        operation["requestBody"] = body(&reference(&format!("{name}_override")));
        ("200", answer("The record as the tenant sees it", &one))
    } else if is(route, &Method::POST, "/batch") {
        operation["requestBody"] = body(
            &json!({"type": "array", "minItems": 1, "maxItems": 1000, "items": reference(&format!("{name}_new"))}),
        );
        ("201", answer("All of them created", &reference(&format!("{name}_page"))))
    } else if is(route, &Method::PATCH, "") {
        operation["requestBody"] = body(&reference(&format!("{name}_change")));
        ("200", answer("Changed", &schemas.answered::<Written>()))
    } else if is(route, &Method::DELETE, "") {
        ("200", answer("Deleted", &schemas.answered::<Written>()))
    } else if is(route, &Method::GET, "/{id}/history") {
        ("200", answer("Its changes, newest first", &schemas.answered::<Page<Change>>()))
    } else if is(route, &Method::GET, "/{id}/transitions") {
        ("200", answer("Its state, and the transitions", &schemas.answered::<Standing>()))
    } else if is(route, &Method::POST, "/{id}/transitions/{name}") {
        operation["requestBody"] = body(&schemas.taken::<TransitionInput>());
        ("200", answer("The record in its new state", &one))
    } else if is(route, &Method::GET, "/{id}/trail") {
        ("200", answer("Its transitions, newest first", &schemas.answered::<Page<MadeTransition>>()))
    } else if is(route, &Method::GET, "/aggregate") {
        ("200", answer("The groups", &reference("Groups")))
    } else {
        bytes(route, model, &mut operation, schemas)
    };
    operation["responses"][status] = response;
    if route.method != Method::GET {
        operation["responses"][status]["headers"]["Tenantry-Position"] = reference_to("headers", "Position");
    }
    operation
}

/// Describes the routes for CSV, files and deletes.
fn bytes(
    route: &Route,
    model: &Model,
    operation: &mut Value,
    schemas: &mut Schemas,
) -> (&'static str, Value) {
    let csv = json!({"text/csv": {"schema": {"type": "string"}}});
    let any = json!({"schema": {"type": "string", "format": "binary"}});
    if is(route, &Method::POST, "/import") {
        operation["requestBody"] = json!({"required": true, "content": csv});
        let text = "What was imported, and what is wrong with which line; with report=csv the refused lines";
        let mut report = answer(text, &schemas.answered::<ImportReport>());
        report["content"]["text/csv"] = csv["text/csv"].clone();
        return ("200", report);
    }
    if is(route, &Method::GET, "/export") {
        return ("200", json!({"description": "All matching rows, streamed", "content": csv}));
    }
    if is(route, &Method::PUT, "/{id}/files/{field}") {
        operation["requestBody"] =
            json!({"required": true, "content": {"*/*": any.clone(), "multipart/form-data": any}});
        return ("200", answer("The record with its file", &reference(model.name.as_str())));
    }
    if is(route, &Method::GET, "/{id}/files/{field}") {
        return ("200", json!({"description": "The file, as an attachment", "content": {"*/*": any}}));
    }
    ("204", json!({"description": "Gone"}))
}

/// Returns the parameters that determine how the file of an import is read.
fn import() -> [Value; 7] {
    let names = |all: &[&str]| json!({"type": "string", "enum": all});
    let columns = "Fields that the columns set, in the order of the columns, separated by commas; an empty name ignores a \
                   column. Without this the first line names the fields. `city.name` refers to the city whose name is the cell.";
    [
        query("columns", columns, json!({"type": "string"})),
        query("encoding", "How the file stores letters.", names(&FileEncoding::ALL.map(|(_, name)| name))),
        query(
            "separator",
            "What separates cells; without this the first line tells.",
            names(&Separator::ALL.map(|(_, name)| name)),
        ),
        query(
            "once",
            "Key of the import: a second import with the same key within two days is refused, unless the first stored nothing.",
            json!({"type": "string", "format": "uuid"}),
        ),
        query(
            "dates",
            "How dates are written that are not written as 2026-11-21: dmy is 21.11.2026 or 21/11/2026, mdy 11/21/2026. \
             Without it they are refused.",
            names(&DateOrder::ALL.map(|(_, name)| name)),
        ),
        query(
            "decimals",
            "How decimals are written: comma is 1.234,50, point 1,234.50. Without it only 1234.50 is read.",
            names(&DecimalMark::ALL.map(|(_, name)| name)),
        ),
        query("report", "csv: answer with the refused lines and a column reason.", names(&["json", "csv"])),
    ]
}

fn parameters(route: &Route, model: &Model, models: &[Arc<Model>]) -> Value {
    let mut all = vec![sent_position()];
    if route.path.contains("{id}") {
        all.push(json!({"name": "id", "in": "path", "required": true, "schema": id(model.id)}));
    }
    if route.path.ends_with("{field}") {
        let files = model.fields.iter().filter(|f| matches!(f.kind, FieldKind::File { .. }));
        let names: Vec<_> = files.map(|f| f.name.as_str()).collect();
        all.push(json!({"name": "field", "in": "path", "required": true, "schema": {"type": "string", "enum": names}}));
    }
    let (lists, exports) = (is(route, &Method::GET, ""), is(route, &Method::GET, "/export"));
    if lists || exports {
        all.extend(filters::list(model, models, lists));
    }
    if lists || exports || is(route, &Method::GET, "/{id}") {
        all.push(filters::fields(model));
    }
    if lists || is(route, &Method::GET, "/{id}") {
        all.extend(filters::expand(model));
    }
    if is(route, &Method::GET, "/aggregate") {
        all.extend(filters::aggregate(model, models));
    }
    if is(route, &Method::PATCH, "") || is(route, &Method::DELETE, "") {
        all.extend(filters::matching(model, models));
    }
    if let (Some(workflow), true) = (&model.workflow, route.path.ends_with("{name}")) {
        let names: Vec<_> = workflow.transitions.iter().map(|made| made.name.as_str()).collect();
        all.push(json!({"name": "name", "in": "path", "required": true, "schema": {"type": "string", "enum": names}}));
    }
    if is(route, &Method::GET, "/{id}/history") || is(route, &Method::GET, "/{id}/trail") {
        let before = "`next` of the page before.";
        all.push(query("before", before, json!({"type": "integer", "format": "int64"})));
        all.push(query(
            "limit",
            "Changes at most; there are more while `next` is not null.",
            filters::limit(50),
        ));
    }
    if is(route, &Method::POST, "/import") {
        let text = "Check everything and write nothing; the report says what would be.";
        all.push(query("dry_run", text, json!({"type": "boolean"})));
        all.extend(import());
    }
    let makes = is(route, &Method::POST, "/{id}/transitions/{name}");
    if makes || is(route, &Method::PATCH, "/{id}") || is(route, &Method::DELETE, "/{id}") {
        all.push(json!({"name": "If-Match", "in": "header",
            "schema": {"type": "string", "pattern": "^(\\*|(W/)?\"[1-9][0-9]*\")$"},
            "description": "The record's ETag: refused with 412 if the record has changed since."}));
    }
    Value::Array(all)
}
