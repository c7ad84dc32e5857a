//! The newest slow requests: their routes, models and conditions, without any value.
//!
//! The guard reports each request; only slow ones take the lock.

use crate::http::{App, guard::Noted, routes::ROUTES};
use http::{StatusCode, Uri};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Duration from which a request is slow.
pub(crate) const SLOW: Duration = Duration::from_millis(250);
/// Maximum number of requests that are remembered.
const MOST: usize = 50;
/// Maximum number of conditions that are remembered for each request.
const MOST_CONDITIONS: usize = 12;

/// The newest slow requests.
#[derive(Default)]
pub(crate) struct SlowRequests(Mutex<VecDeque<SlowRequest>>);

/// A slow request, without the values that it contained.
#[derive(Debug, Clone)]
pub(crate) struct SlowRequest {
    /// Time of the answer, in microseconds since 1970, UTC.
    pub(crate) at_us: i64,
    pub(crate) took: Duration,
    pub(crate) method: &'static str,
    /// Path of the route, with its parameters in braces.
    pub(crate) route: &'static str,
    /// Model in the path of the request; `None` if the path names none.
    pub(crate) model: Option<String>,
    /// Names of the request's parameters: fields, orders and options, never their values.
    pub(crate) conditions: Vec<String>,
    /// Id of the tenant that the request entered; 0 for none.
    pub(crate) tenant: i64,
    pub(crate) status: u16,
    /// Id of the request, with which an operator finds it in the log.
    pub(crate) request: String,
}

impl SlowRequests {
    /// Returns the remembered requests, the slowest first.
    pub(crate) fn list(&self) -> Vec<SlowRequest> {
        let newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = newest.iter().cloned().collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.took));
        all
    }

    /// Remembers a slow request. Leaves out requests with the parameter `wait`, which wait on purpose, and requests
    /// that matched no route.
    pub(crate) fn add(
        &self,
        app: &App,
        (uri, noted): (&Uri, Noted),
        (status, took): (StatusCode, Duration),
        id: &str,
    ) {
        let Some(route) = ROUTES.get(noted.route) else { return };
        let query = uri.query().unwrap_or_default();
        if names(query).contains(&"wait") {
            return;
        }
        let model = model_in(route.path, uri.path());
        let is_known = |name: &&str| app.platform().models().iter().any(|model| model.name.as_str() == *name);
        // In a refused request, parameter names can be arbitrary text, so leave them out.
        let conditions = names(query)
            .into_iter()
            .filter(|name| status.is_success() && is_plain(name))
            .take(MOST_CONDITIONS);
        let one = SlowRequest {
            at_us: app.platform().now_us(),
            took,
            method: route.method_name(),
            route: route.path,
            model: model.filter(is_known).map(str::to_owned),
            conditions: conditions.map(str::to_owned).collect(),
            tenant: noted.tenant,
            status: status.as_u16(),
            request: id.to_owned(),
        };
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        newest.truncate(MOST - 1);
        newest.push_front(one);
    }
}

/// Returns the names in a query, without their values.
fn names(query: &str) -> Vec<&str> {
    query.split('&').filter_map(|pair| pair.split('=').next()).collect()
}

/// Returns the model that a path names where the route has `{model}`.
pub(crate) fn model_in<'a>(route: &str, path: &'a str) -> Option<&'a str> {
    let place = route.split('/').position(|part| part == "{model}")?;
    let is_prefixed = path.starts_with("/t/") && !route.starts_with("/t/");
    path.split('/').nth(place + if is_prefixed { 2 } else { 0 })
}

fn is_plain(name: &&str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte);
    (1..=60).contains(&name.len()) && name.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_request_is_remembered_without_values() {
        let query = "q=Ada&region.name__contains=north&sort=-born_on&a%20b=1";
        let conditions: Vec<_> = names(query).into_iter().filter(is_plain).collect();
        assert_eq!(conditions, ["q", "region.name__contains", "sort"]);
    }

    #[test]
    fn the_model_is_where_the_route_has_it() {
        for (route, path, wanted) in [
            ("/api/records/{model}", "/api/records/patients", Some("patients")),
            ("/api/records/{model}/{id}", "/t/acme/api/records/patients/7", Some("patients")),
            ("/{model}/", "/doctors/", Some("doctors")),
            ("/api/me", "/api/me", None),
        ] {
            assert_eq!(model_in(route, path), wanted, "{path}");
        }
    }
}
