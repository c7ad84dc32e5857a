//! Parts that many answers share.

pub(in crate::http) mod disposition;
pub(in crate::http) mod etag;
pub(in crate::http) mod page;
pub(in crate::http) mod typed;
