//! The OpenAPI document, as the API describes it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// This OpenAPI document.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Document {
    pub(crate) openapi: &'static str,
    #[schemars(extend("type" = "object"))]
    pub(crate) info: Value,
    #[schemars(extend("type" = "array"))]
    pub(crate) servers: Value,
    pub(crate) tags: Vec<Value>,
    #[schemars(extend("type" = "object"))]
    pub(crate) paths: Value,
    #[schemars(extend("type" = "object"))]
    pub(crate) components: Value,
}
