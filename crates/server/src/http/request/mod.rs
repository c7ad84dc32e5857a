//! Reads what a request presents: credentials, scope, names in its path, its body.

pub(in crate::http) mod body;
pub(in crate::http) mod cookie;
pub(in crate::http) mod credentials;
pub(in crate::http) mod csrf;
pub(in crate::http) mod names;
pub(in crate::http) mod position;
pub(in crate::http) mod scope;
