//! `Content-Disposition` of downloads: always an attachment, with a name that cannot break the header.
//!
//! Downloads of files and CSV use it. A stored file is never shown inline, because it may be untrusted HTML.

use http::HeaderValue;
use std::fmt::Write;

/// Returns `attachment` with the name in ASCII and, if that differs, also in UTF-8 (RFC 6266, RFC 8187).
pub(in crate::http) fn attachment(name: &str) -> HeaderValue {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ' | '(' | ')');
    let ascii: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let mut text = format!("attachment; filename=\"{ascii}\"");
    if ascii != name {
        text.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => text.push(char::from(byte)),
                _ => drop(write!(text, "%{byte:02X}")),
            }
        }
    }
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_quotes() {
        let header = |name| attachment(name).to_str().unwrap().to_owned();
        assert_eq!(header("report 1.pdf"), "attachment; filename=\"report 1.pdf\"");
        assert_eq!(
            header("a\"; x=\".html"),
            "attachment; filename=\"a__ x__.html\"; filename*=UTF-8''a%22%3B%20x%3D%22.html"
        );
        assert_eq!(header("ä\r\n"), "attachment; filename=\"___\"; filename*=UTF-8''%C3%A4%0D%0A");
    }
}
