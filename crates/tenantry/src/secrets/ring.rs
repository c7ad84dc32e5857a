//! The keys of an installation, newest first, as they are written in `[secrets]`.

use std::fmt::Write;

/// Length of a key in bytes.
const LEN: usize = 32;
/// Largest number of keys.
const MOST: usize = 100;

/// A key with its id.
pub(super) struct Key {
    pub(super) id: String,
    pub(super) bytes: [u8; LEN],
}

/// All keys. The first one encrypts.
pub(super) struct Ring(Vec<Key>);

impl Ring {
    /// Reads the keys: one a line, an id and 64 hexadecimal digits. Lines that begin with `#` are comments.
    ///
    /// # Errors
    /// Returns the reason, with the number of the line and no part of a key.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut keys: Vec<Key> = vec![];
        for (line, at) in text.lines().map(str::trim).zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = key(line).ok_or_else(|| format!("line {at} is not \"ID HEX\" with 64 digits"))?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(format!("line {at} repeats the id {}", key.id));
            }
            keys.push(key);
        }
        match keys.len() {
            1..=MOST => Ok(Self(keys)),
            0 => Err("there is no key".into()),
            many => Err(format!("there are {many} keys: at most {MOST} are allowed")),
        }
    }

    /// Returns the key that encrypts.
    pub(super) fn newest(&self) -> &Key {
        &self.0[0]
    }

    /// Returns the key with this id.
    pub(super) fn key(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }
}

fn key(line: &str) -> Option<Key> {
    let (id, hex) = line.split_once(char::is_whitespace)?;
    let hex = hex.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.len() > 40 || !id.chars().all(plain) || hex.len() != 2 * LEN || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0; LEN];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
    }
    Some(Key { id: id.to_owned(), bytes })
}

/// Returns a line with a new random key, for the beginning of the keys of `[secrets]`. Its id is the date and some
/// random digits.
pub fn new_key_line() -> String {
    let mut random = [0_u8; LEN + 2];
    rand::fill(&mut random);
    let (id, key) = random.split_at(2);
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string never fails.
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    format!("{}-{} {}", jiff::Zoned::now().date(), hex(id), hex(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_newest_first_and_errors_show_none() {
        let (one, two) = (new_key_line(), new_key_line());
        let ring = Ring::parse(&format!("# newest first\n{one}\n\n{two}\n")).ok().unwrap();
        assert_eq!(Some(ring.newest().id.as_str()), one.split(' ').next());
        assert!(ring.key(two.split(' ').next().unwrap()).is_some() && ring.key("other").is_none());
        for (text, says) in [
            (String::new(), "no key"),
            (one[..40].to_owned(), "line 1 is not"),
            (format!("{one}\n{one}"), "line 2 repeats"),
            (format!("{one}0"), "line 1 is not"),
            (format!("a b {}", &one[20..]), "line 1 is not"),
        ] {
            let error = Ring::parse(&text).err().unwrap();
            assert!(error.contains(says) && !error.contains(&one[30..40]), "{error}");
        }
    }
}
