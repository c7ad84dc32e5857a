//! RFC 9457 problems: the only form in which this server refuses a request.
//!
//! Handlers create them, and `From` converts domain errors to them. The guard renders each problem once, with the
//! request's id. Public text and private detail are different fields: the detail goes to the log and never to a client.

mod code;
mod domain;

pub use code::Code;
pub(in crate::http) use domain::sentence;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;
use tenantry::error::{FieldError, Rule};

/// Media type of every problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Result of a handler.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// A problem with one field of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldProblem {
    /// Name of the field or query parameter. In a batch, the index of the record comes first: `3.born_on`.
    pub field: String,
    /// Kind of the broken rule, for programs.
    #[schemars(extend("enum" = Rule::ALL.iter().map(|rule| rule.code()).collect::<Vec<_>>()))]
    pub code: &'static str,
    /// The broken rule, for people.
    pub message: String,
}

impl FieldProblem {
    /// Creates a field problem with the general code for an invalid value.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: Rule::Value.code(), message: message.into() }
    }
}

impl From<&FieldError> for FieldProblem {
    fn from(wrong: &FieldError) -> Self {
        Self { field: wrong.field.clone(), code: wrong.rule.code(), message: wrong.reason.clone() }
    }
}

/// A refusal. Boxed so that the `Ok` path of a handler stays small.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    remedy: Option<Cow<'static, str>>,
    fields: Vec<FieldProblem>,
    retry_after_s: Option<u64>,
    private: Option<String>,
    file: Option<String>,
    leads_to: Option<String>,
    fault: bool,
    outcome: Option<String>,
}

/// A refusal (RFC 9457).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(in crate::http) struct Wire<'a> {
    /// Address of the description of this kind of problem.
    #[serde(rename = "type")]
    #[schemars(extend("format" = "uri-reference"))]
    kind: String,
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// Kind of the problem, for programs.
    #[schemars(extend("enum" = Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>()))]
    code: &'a str,
    /// Description of the problem, for people.
    detail: &'a str,
    /// Action that solves the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&str")]
    remedy: Option<&'a str>,
    /// Every field that breaks a rule.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
    /// For `outcome_unknown`: the id for `GET /api/outcomes/{id}`, which finds out whether the change was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&str")]
    outcome: Option<&'a str>,
    /// Id with which to find the request in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "&str")]
    request_id: Option<&'a str>,
}

impl Problem {
    /// Creates a problem with this code and public text.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let inner = Inner {
            code,
            detail: detail.into(),
            remedy: code.remedy().map(Cow::Borrowed),
            fields: Vec::new(),
            retry_after_s: None,
            private: None,
            file: None,
            leads_to: None,
            fault: code.status() == StatusCode::INTERNAL_SERVER_ERROR,
            outcome: None,
        };
        Self(Box::new(inner))
    }

    /// Returns the problem for something that does not exist, or that the caller may not see (`absent-not-forbidden`).
    pub fn absent() -> Self {
        Self::new(Code::NotFound, "There is nothing here, or nothing you may see.")
    }

    /// Returns an internal error. The detail goes to the log only.
    pub fn internal(private: impl Into<String>) -> Self {
        Self::new(Code::Internal, "Something went wrong here. The request id finds it in the log.")
            .private(private)
    }

    /// Returns a problem with one wrong field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, "The request breaks a rule.").and_field(field, message)
    }

    /// Adds a wrong field.
    pub fn and_field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.0.fields.push(FieldProblem::new(field, message));
        self
    }

    /// Adds wrong fields.
    pub fn fields(mut self, fields: impl IntoIterator<Item = FieldProblem>) -> Self {
        self.0.fields.extend(fields);
        self
    }

    /// Sets the remedy, which replaces the usual remedy of the code.
    pub fn remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// Sets the number of seconds after which to retry.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// Sets the detail for the log only.
    pub fn private(mut self, detail: impl Into<String>) -> Self {
        self.0.private = Some(detail.into());
        self
    }

    /// Sets the id with which to find out later whether the change was stored.
    pub fn outcome(mut self, id: impl Into<String>) -> Self {
        self.0.outcome = Some(id.into());
        self
    }

    /// Sets the file that the problem concerns. It goes to the log only.
    pub fn file(mut self, file: impl Into<String>) -> Self {
        self.0.file = Some(file.into());
        self
    }

    /// Returns the file that the problem concerns. If it concerns none, returns the text for the log.
    pub fn about(&self) -> &str {
        self.0.file.as_deref().unwrap_or_else(|| self.log_text())
    }

    /// Sets the page to which a browser is redirected if it requested a page.
    pub(in crate::http) fn and_lead_to(mut self, path: impl Into<String>) -> Self {
        self.0.leads_to = Some(path.into());
        self
    }

    /// Returns the page to which a browser is redirected.
    pub(in crate::http) fn leads_to(&self) -> Option<&str> {
        self.0.leads_to.as_deref()
    }

    /// Sets whether an operator must act.
    pub fn fault(mut self, fault: bool) -> Self {
        self.0.fault |= fault;
        self
    }

    /// Returns true if an operator must act. The problem is then logged as an error.
    pub fn is_fault(&self) -> bool {
        self.0.fault
    }

    /// Returns the public text.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Returns the remedy; empty if none is known.
    pub fn remedy_text(&self) -> &str {
        self.0.remedy.as_deref().unwrap_or_default()
    }

    /// Returns every field that breaks a rule.
    pub fn wrong_fields(&self) -> &[FieldProblem] {
        &self.0.fields
    }

    /// Returns the rule that a field breaks, as a sentence. If the field is not named, returns the public text.
    pub fn reason_of(&self, field: &str) -> String {
        let wrong = self.0.fields.iter().find(|wrong| wrong.field == field);
        wrong.map_or_else(|| self.0.detail.to_string(), |wrong| sentence(wrong.message.clone()))
    }

    /// Returns the number of seconds after which to retry.
    pub fn retry_after_s(&self) -> Option<u64> {
        self.0.retry_after_s
    }

    /// Returns the code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.code.status()
    }

    /// Returns the text for the log: the private detail, or the public text if there is none.
    pub fn log_text(&self) -> &str {
        self.0.private.as_deref().unwrap_or(&self.0.detail)
    }

    /// Returns the JSON body. Only the guard knows `request_id`.
    pub fn body(&self, request_id: Option<&str>) -> Vec<u8> {
        let inner = &*self.0;
        let wire = Wire {
            kind: format!("/api/docs#problem-{}", inner.code.as_str()),
            title: inner.code.title(),
            status: self.status().as_u16(),
            code: inner.code.as_str(),
            detail: &inner.detail,
            remedy: inner.remedy.as_deref(),
            errors: &inner.fields,
            outcome: inner.outcome.as_deref(),
            request_id,
        };
        // Serialising plain strings and numbers cannot fail.
        serde_json::to_vec(&wire).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    /// Renders the problem without a request id, and puts it into the response's extensions for the guard to log.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body(None)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tenantry\""));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_detail_never_reaches_the_body_absent_not_forbidden() {
        let problem = Problem::internal("disk /srv/a/tenant.db refused");
        let body = String::from_utf8(problem.body(Some("r1"))).unwrap();
        assert!(!body.contains("tenant.db"), "{body}");
        assert!(body.contains("\"request_id\":\"r1\""), "{body}");
        assert_eq!(problem.log_text(), "disk /srv/a/tenant.db refused");
    }

    #[test]
    fn a_problem_has_every_member_of_rfc_9457() {
        let problem = Problem::field("email", "is taken");
        let json: serde_json::Value = serde_json::from_slice(&problem.body(None)).unwrap();
        for member in ["type", "title", "status", "detail", "code"] {
            assert!(!json[member].is_null(), "{member} in {json}");
        }
        assert_eq!(json["errors"][0]["field"], "email");
        assert_eq!(problem.into_response().headers()["content-type"], MEDIA_TYPE);
    }
}
