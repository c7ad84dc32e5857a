//! Writes rows as JSON bytes. The platform's record reads use it, on the hot path of every API read. It never allocates
//! beyond growing its output buffer and never builds a JSON tree.

use super::{Row, Visit};
use crate::value::{Value, ValueRef};
use rust_decimal::Decimal;
use std::{io::Write as _, sync::Arc};

/// Column names with the punctuation before values: `{"id":` for the first column, `,"name":` for the others.
#[derive(Debug, Clone)]
pub struct JsonKeys(Arc<[Box<[u8]>]>);

impl JsonKeys {
    /// Creates the keys of columns with these names, in this order.
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let key = |(index, name): (usize, &str)| {
            let mut out = vec![if index == 0 { b'{' } else { b',' }];
            write_text(&mut out, name);
            out.push(b':');
            out.into_boxed_slice()
        };
        Self(names.enumerate().map(key).collect())
    }
}

/// Writes each row as an object, with commas between objects.
#[derive(Debug)]
pub struct JsonRows {
    /// The output so far.
    pub out: Vec<u8>,
    /// Number of rows written so far.
    pub rows: usize,
    keys: JsonKeys,
}

impl JsonRows {
    /// Creates a writer that appends to `out`, which may already contain a prefix.
    pub fn new(keys: JsonKeys, out: Vec<u8>) -> Self {
        Self { out, rows: 0, keys }
    }
}

impl Visit for JsonRows {
    fn row(&mut self, row: &dyn Row) {
        if self.rows > 0 {
            self.out.push(b',');
        }
        self.rows += 1;
        write_row(&mut self.out, &self.keys, row);
    }
}

/// Writes one row as an object.
pub fn write_row(out: &mut Vec<u8>, keys: &JsonKeys, row: &dyn Row) {
    debug_assert_eq!(keys.0.len(), row.len(), "keys and projection belong together");
    for (index, key) in keys.0.iter().enumerate() {
        out.extend_from_slice(key);
        write_value(out, row.get(index));
    }
    out.extend_from_slice(if keys.0.is_empty() { b"{}" } else { b"}" });
}

/// Writes the owned values that a write returned, as an object.
pub fn write_values(out: &mut Vec<u8>, keys: &JsonKeys, values: &[Value]) {
    debug_assert_eq!(keys.0.len(), values.len(), "keys and values belong together");
    for (key, value) in keys.0.iter().zip(values) {
        out.extend_from_slice(key);
        write_owned(out, value);
    }
    out.extend_from_slice(if keys.0.is_empty() { b"{}" } else { b"}" });
}

/// Writes one value. Decimals are strings, because JSON readers convert numbers to floats.
pub fn write_value(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::Boolean(true) => out.extend_from_slice(b"true"),
        ValueRef::Boolean(false) => out.extend_from_slice(b"false"),
        ValueRef::Integer(i) => out.extend_from_slice(itoa::Buffer::new().format(i).as_bytes()),
        ValueRef::Decimal(d) => write_decimal(out, d),
        ValueRef::Text(t) => write_text(out, t),
        ValueRef::Plain(t) => {
            out.push(b'"');
            out.extend_from_slice(t.as_bytes());
            out.push(b'"');
        }
        ValueRef::Date(date) => write_plain(out, format_args!("{date}")),
        ValueRef::Instant(instant) => write_plain(out, format_args!("{instant:.6}")),
        ValueRef::Uuid(id) => {
            let mut buffer = uuid::Uuid::encode_buffer();
            write_value(out, ValueRef::Plain(id.hyphenated().encode_lower(&mut buffer)));
        }
        ValueRef::Json(t) => out.extend_from_slice(t.as_bytes()),
    }
}

/// Writes a text that needs no escaping.
fn write_plain(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.push(b'"');
    // Writing to a vector never fails.
    let _ = out.write_fmt(text);
    out.push(b'"');
}

/// Writes one owned value. The bytes are those that [`write_value`] writes once the value is stored.
pub fn write_owned(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => write_value(out, ValueRef::Null),
        Value::Boolean(b) => write_value(out, ValueRef::Boolean(*b)),
        Value::Integer(i) => write_value(out, ValueRef::Integer(*i)),
        Value::Decimal(d) => write_decimal(out, *d),
        Value::Text(t) => write_text(out, t),
        Value::Date(d) => write_value(out, ValueRef::Date(*d)),
        Value::DateTime(t) => write_value(out, ValueRef::Instant(*t)),
        Value::Uuid(u) => write_value(out, ValueRef::Uuid(*u)),
        Value::Json(j) => out.extend_from_slice(j.to_string().as_bytes()),
    }
}

fn write_decimal(out: &mut Vec<u8>, value: Decimal) {
    let (scale, mantissa) = (value.scale() as usize, value.mantissa());
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(mantissa.unsigned_abs()).as_bytes();
    out.push(b'"');
    if mantissa < 0 {
        out.push(b'-');
    }
    let whole = digits.len().saturating_sub(scale);
    out.extend_from_slice(if whole == 0 { b"0" } else { &digits[..whole] });
    if scale > 0 {
        out.push(b'.');
        out.resize(out.len() + (scale - (digits.len() - whole)), b'0');
        out.extend_from_slice(&digits[whole..]);
    }
    out.push(b'"');
}

/// The character after the backslash, for each byte that must be escaped: `u` stands for a code, 0 for no escape.
const ESCAPE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table
};

/// Writes text as a JSON string. Copies runs without escapes as a whole.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut start = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        let escape = ESCAPE[byte as usize];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[start..index]);
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            out.extend_from_slice(&[b'0', b'0', HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]]);
        }
        start = index + 1;
    }
    out.extend_from_slice(&bytes[start..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: ValueRef<'_>) -> String {
        let mut out = vec![];
        write_value(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_survives_a_json_reader() {
        for text in ["", "plain", "q\"b\\s/", "\n\r\t\u{8}\u{c}\u{0}\u{1f}", "Łódź 🏥 \u{2028}"] {
            assert_eq!(serde_json::from_str::<String>(&json(ValueRef::Text(text))).unwrap(), text);
        }
    }

    #[test]
    fn decimals_keep_their_scale() {
        for (mantissa, scale, text) in [
            (1250, 2, "12.50"),
            (-5, 2, "-0.05"),
            (0, 2, "0.00"),
            (7, 0, "7"),
            (-100, 1, "-10.0"),
            (5, 9, "0.000000005"),
        ] {
            assert_eq!(json(ValueRef::Decimal(Decimal::new(mantissa, scale))), format!("\"{text}\""));
        }
    }
}
