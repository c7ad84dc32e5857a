//! Describes a route by the types in its handler's signature: its input and its answers.
//!
//! The route table uses it. A body, query or answer can therefore not differ from its description.

use crate::{
    http::App,
    http::{
        body::{FORM, Form, Json, LaterJson, Zip},
        health::Observer,
        names::PathId,
        operation::Started,
        problem::Problem,
        query::QueryParams,
        scope::{Caller, Client, Manager, Named, Staff, StaffOn, Superuser, Tenant, Visitor},
        typed::{Accepted, Created, Either, WithCookie},
    },
};
use axum::{
    extract::{Path, RawQuery},
    response::{NoContent, Response},
};
use http::HeaderMap;
use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Map, Value, json};

const JSON: &str = "application/json";

/// The schemas of the document's components, collected while the routes are described.
pub(super) struct Schemas {
    taken: SchemaGenerator,
    answered: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = "/components/schemas".into();
            settings.with_transform(RecursiveTransform(tidy))
        };
        Self {
            taken: settings().for_deserialize().into_generator(),
            answered: settings().for_serialize().into_generator(),
        }
    }

    /// Returns a reference to the schema of a type in answers.
    pub(super) fn answered<T: JsonSchema>(&mut self) -> Value {
        self.answered.subschema_for::<T>().to_value()
    }

    /// Returns a reference to the schema of a type in requests.
    pub(super) fn taken<T: JsonSchema>(&mut self) -> Value {
        self.taken.subschema_for::<T>().to_value()
    }

    /// Returns all schemas by name.
    pub(super) fn into_map(mut self) -> Map<String, Value> {
        let mut all = self.taken.take_definitions(true);
        for (name, schema) in self.answered.take_definitions(true) {
            let before = all.insert(name.clone(), schema);
            debug_assert!(before.is_none(), "{name} is both taken and answered: give it two types");
        }
        all
    }
}

/// Removes defaults without information, and line breaks of the source text in descriptions.
fn tidy(schema: &mut Schema) {
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}

/// An operation of the document, while it is being built.
pub(in crate::http) struct Operation<'s> {
    pub(super) json: Value,
    pub(super) schemas: &'s mut Schemas,
}

impl Operation<'_> {
    fn takes<T: JsonSchema>(&mut self, media: &[&str]) {
        let schema = self.schemas.taken::<T>();
        self.json["requestBody"]["required"] = true.into();
        for media in media {
            self.json["requestBody"]["content"][*media]["schema"] = schema.clone();
        }
    }

    fn takes_query<T: JsonSchema>(&mut self) {
        let mut query = T::json_schema(&mut self.schemas.taken);
        RecursiveTransform(tidy).transform(&mut query);
        let query = query.to_value();
        let is_required =
            |name: &String| query["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
        let parameters = query["properties"].as_object().into_iter().flatten();
        let parameters = parameters.map(|(name, schema)| {
            let mut schema = schema.clone();
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            never_null(&mut schema);
            json!({
                "name": name, "in": "query", "required": is_required(name),
                "description": description, "schema": schema,
            })
        });
        self.json["parameters"] = parameters.collect();
    }

    fn answers<T: JsonSchema>(&mut self, status: &str, description: &str) {
        let schema = self.schemas.answered::<T>();
        self.json["responses"][status] = super::answer(description, &schema);
    }
}

/// Narrows the schema of an optional parameter to the values that it has when it is present.
fn never_null(schema: &mut Value) {
    for member in ["type", "enum"] {
        if let Some(Value::Array(values)) = schema.get_mut(member) {
            values.retain(|value| !value.is_null() && value != "null");
        }
    }
    if let Some([kind]) = schema["type"].as_array().map(Vec::as_slice) {
        schema["type"] = kind.clone();
    }
}

/// An argument of a handler.
pub(in crate::http) trait Input {
    /// Adds the argument's part of the request to the description.
    fn describe(_: &mut Operation<'_>) {}
}

/// An answer of a handler.
pub(in crate::http) trait Output {
    /// Adds the answers to the description. An answer that is not JSON adds none; the document knows its media type by
    /// path.
    fn describe(_: &mut Operation<'_>) {}
}

/// Describes extractors of a body by the media types that they read.
macro_rules! bodies {
    ($($body:ident $media:expr;)*) => {$(
        impl<T: JsonSchema> Input for $body<T> {
            fn describe(operation: &mut Operation<'_>) {
                operation.takes::<T>($media);
            }
        }
    )*};
}

bodies! {
    Json &[JSON];
    LaterJson &[JSON];
    Form &[JSON, FORM];
}

impl Input for Zip {
    fn describe(operation: &mut Operation<'_>) {
        operation.json["requestBody"] = json!({"required": true, "content": {"application/zip": {}}});
    }
}

impl<T: JsonSchema> Input for QueryParams<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes_query::<T>();
    }
}

impl<T: Input> Input for Result<T, Problem> {
    fn describe(operation: &mut Operation<'_>) {
        T::describe(operation);
    }
}

macro_rules! nothing_to_describe {
    ($trait:ident: $($type:ty),*) => { $(impl $trait for $type {})* };
}

nothing_to_describe!(Input: App, Caller, Client, Manager, Named, Observer, Staff, StaffOn, Superuser, Tenant, Visitor);
nothing_to_describe!(Input: PathId, HeaderMap, RawQuery);
nothing_to_describe!(Output: Response, String, &'static str);

impl<T> Input for Path<T> {}

impl<T: Output> Output for Result<T, Problem> {
    fn describe(operation: &mut Operation<'_>) {
        T::describe(operation);
    }
}

/// Describes answers in JSON by their statuses.
macro_rules! answers {
    ($($answer:ident $($status:literal $text:literal),*;)*) => {$(
        impl<T: JsonSchema> Output for $answer<T> {
            fn describe(operation: &mut Operation<'_>) {
                $(operation.answers::<T>($status, $text);)*
            }
        }
    )*};
}

answers! {
    Json "200" "Done";
    Created "201" "Created";
    Accepted "202" "Requested";
    Started "202" "Begun; `?wait=SECONDS` waits for the end", "200" "Over";
}

impl Output for NoContent {
    fn describe(operation: &mut Operation<'_>) {
        operation.json["responses"]["204"] = json!({"description": "Done"});
    }
}

impl<T: Output> Output for WithCookie<T> {
    fn describe(operation: &mut Operation<'_>) {
        T::describe(operation);
    }
}

impl<A: Output, B: Output> Output for Either<A, B> {
    fn describe(operation: &mut Operation<'_>) {
        A::describe(operation);
        B::describe(operation);
    }
}

/// A handler whose arguments and answers can be described.
pub(in crate::http) trait Handler<Arguments> {
    /// Adds the handler's input and answers to the description.
    fn describe(operation: &mut Operation<'_>);
}

macro_rules! handlers {
    ($(($($argument:ident)*))*) => {$(
        impl<F, Answer, $($argument),*> Handler<($($argument,)*)> for F
        where
            F: AsyncFn($($argument),*) -> Answer,
            Answer: Output,
            $($argument: Input),*
        {
            fn describe(_operation: &mut Operation<'_>) {
                $($argument::describe(_operation);)*
                Answer::describe(_operation);
            }
        }
    )*};
}

handlers!(() (A) (A B) (A B C) (A B C D) (A B C D E));

/// Adds a handler's input and answers to the description of its operation.
pub(in crate::http) fn describe<A, H: Handler<A>>(_: H, operation: &mut Operation<'_>) {
    H::describe(operation);
}
