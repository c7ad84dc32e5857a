//! Versions of records as entity tags: `ETag`, `If-Match`, `If-None-Match` (RFC 9110, 13).
//!
//! The record routes use it. A tag is the record's version in quotes. An `If-Match` without the record's version is
//! refused with 412. If the server requires the header, a request without it is refused with 428. `*` matches any
//! version.

use crate::http::problem::{Code, Problem, Result};
use http::{HeaderMap, HeaderValue, header};

/// Returns the tag of a version.
pub(in crate::http) fn tag(version: i64) -> HeaderValue {
    let mut digits = itoa::Buffer::new();
    let mut text = [0_u8; 24];
    let digits = digits.format(version).as_bytes();
    let length = digits.len() + 2;
    text[0] = b'"';
    text[1..=digits.len()].copy_from_slice(digits);
    text[length - 1] = b'"';
    HeaderValue::from_bytes(&text[..length]).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// Returns the versions that a change expects, one of which the record must have. `None` means any version. The header
/// may be repeated.
pub(in crate::http) fn expected(headers: &HeaderMap, required: bool) -> Result<Option<Vec<i64>>> {
    let mut values = headers.get_all(header::IF_MATCH).iter().peekable();
    if values.peek().is_none() {
        let text = "This change needs the version it is based on.";
        return if required { Err(Problem::new(Code::PreconditionRequired, text)) } else { Ok(None) };
    }
    let tags: Vec<&str> =
        values.flat_map(|value| value.to_str().unwrap_or_default().split(',')).map(str::trim).collect();
    if tags == ["*"] {
        return Ok(None);
    }
    // A tag that this server never issued matches no record.
    let versions: Vec<i64> = tags.into_iter().filter_map(version).collect();
    match versions.is_empty() {
        true => Err(Problem::new(Code::VersionConflict, "If-Match is no tag of this record.")),
        false => Ok(Some(versions)),
    }
}

/// Returns true if the client already has this version.
pub(in crate::http) fn unchanged(headers: &HeaderMap, current: i64) -> bool {
    let Some(value) = headers.get(header::IF_NONE_MATCH) else { return false };
    let tags = value.to_str().unwrap_or_default().split(',');
    tags.map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == "*" || version(tag) == Some(current))
}

fn version(tag: &str) -> Option<i64> {
    // A proxy that compresses may weaken a tag; the version is unchanged.
    let digits = tag.trim_start_matches("W/").strip_prefix('"')?.strip_suffix('"')?;
    digits.parse().ok().filter(|version| *version > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn if_match(value: &str) -> HeaderMap {
        [(header::IF_MATCH, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn tags_return() {
        assert_eq!(tag(i64::MAX), "\"9223372036854775807\"");
        assert_eq!(expected(&if_match(tag(7).to_str().unwrap()), true).unwrap(), Some(vec![7]));
        assert_eq!(expected(&if_match("W/\"7\""), true).unwrap(), Some(vec![7]));
        assert_eq!(expected(&if_match("\"2\", \"x\",W/\"1\""), true).unwrap(), Some(vec![2, 1]));
        assert_eq!(expected(&if_match("*"), true).unwrap(), None);
        assert_eq!(expected(&HeaderMap::new(), false).unwrap(), None);
    }

    #[test]
    fn absent_is_428_and_foreign_is_412() {
        assert_eq!(expected(&HeaderMap::new(), true).unwrap_err().status(), 428);
        for foreign in ["7", "\"x\"", "\"\"", "\"-1\"", "", "\"x\", *"] {
            assert_eq!(expected(&if_match(foreign), false).unwrap_err().status(), 412, "{foreign}");
        }
    }

    #[test]
    fn a_known_version_is_not_sent_again() {
        let headers =
            |v: &str| [(header::IF_NONE_MATCH, v.parse().unwrap())].into_iter().collect::<HeaderMap>();
        assert!(unchanged(&headers("\"1\", W/\"7\""), 7));
        assert!(unchanged(&headers("*"), 7));
        assert!(!unchanged(&headers("\"6\""), 7));
        assert!(!unchanged(&HeaderMap::new(), 7));
    }
}
