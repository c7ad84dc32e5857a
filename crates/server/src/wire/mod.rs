//! Types of the HTTP API: request bodies, queries and answers, one file per noun.
//!
//! Handlers read and return them; the OpenAPI document takes their schemas from them, and field docs become its
//! descriptions. They contain no logic: the platform's types are converted here, so that a change inside the platform
//! does not change the API by accident.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod backup;
mod basics;
pub(crate) mod copies;
pub(crate) mod document;
pub(crate) mod manifest;
pub(crate) mod member;
pub(crate) mod operation;
mod page;
pub(crate) mod plan;
pub(crate) mod purge;
pub(crate) mod record;
pub(crate) mod session;
pub(crate) mod tenant;
pub(crate) mod user;

pub(crate) use basics::{AsText, Email, Id, Instant, Limit, Name, Password, Slug, absent_or};
pub(crate) use page::Page;
