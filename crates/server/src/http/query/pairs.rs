//! Splits `a=1&b=2` into decoded pairs.
//!
//! Used by the list reader. It allocates only for a pair that needs decoding.

use std::borrow::Cow;

/// Returns the pairs of a query string, in order. An `Err` contains the reason why a pair cannot be read.
pub(in crate::http) fn pairs(
    query: &str,
) -> impl Iterator<Item = Result<(Cow<'_, str>, Cow<'_, str>), &'static str>> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Ok((decode(name)?, decode(value)?))
    })
}

fn decode(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = bytes.next().and_then(hex).ok_or("% must be followed by two hex digits")?;
                let low = bytes.next().and_then(hex).ok_or("% must be followed by two hex digits")?;
                high << 4 | low
            }
            other => other,
        });
    }
    if out.contains(&0) {
        return Err("NUL is not allowed");
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| "must be UTF-8")
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}
