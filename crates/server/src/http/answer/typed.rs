//! Typed answers: their status and headers are part of the type, so that the OpenAPI document knows them.

use crate::{
    http::{App, body::Json, cookie},
    wire::session::Session,
};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tenantry::access::login::SignedIn;

/// An answer with status 201 and a JSON body.
pub(in crate::http) struct Created<T>(pub(in crate::http) T);

/// An answer with status 202 and a JSON body.
pub(in crate::http) struct Accepted<T>(pub(in crate::http) T);

/// One of two answers.
pub(in crate::http) enum Either<A, B> {
    Left(A),
    Right(B),
}

/// An answer that sets or removes the session cookie.
pub(in crate::http) struct WithCookie<A>(pub(in crate::http) A, pub(in crate::http) Option<HeaderValue>);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self.0)).into_response()
    }
}

impl<A: IntoResponse, B: IntoResponse> IntoResponse for Either<A, B> {
    fn into_response(self) -> Response {
        match self {
            Self::Left(answer) => answer.into_response(),
            Self::Right(answer) => answer.into_response(),
        }
    }
}

impl<A: IntoResponse> IntoResponse for WithCookie<A> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        if let Some(cookie) = self.1 {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// Returns the answer for a new session. It contains the token once in the body, for programs, and as a cookie, for
/// browsers. `status` is [`Json`] or [`Created`].
pub(in crate::http) fn session<A>(
    app: &App,
    signed_in: &SignedIn,
    status: fn(Session) -> A,
) -> WithCookie<A> {
    WithCookie(status(signed_in.into()), session_cookie(app, signed_in))
}

/// Returns the cookie of a new session.
pub(in crate::http) fn session_cookie(app: &App, signed_in: &SignedIn) -> Option<HeaderValue> {
    let seconds = (signed_in.expires_us - app.platform().now_us()) / 1_000_000;
    cookie::set(app.options().https, &signed_in.token.reveal(), seconds.max(0))
}
