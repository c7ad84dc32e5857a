//! Rust source without its comments, strings and tests, line for line, so that words and braces can be counted. The
//! other checks of `tidy` call it. It is a lexer for this purpose only, not a parser.

/// Returns the text with comments, strings and character literals replaced by spaces. Line breaks stay.
pub(crate) fn bare(text: &str) -> String {
    let mut cursor = Cursor { bytes: text.as_bytes(), at: 0, out: Vec::with_capacity(text.len()) };
    while cursor.at < cursor.bytes.len() {
        cursor.step();
    }
    String::from_utf8_lossy(&cursor.out).into_owned()
}

/// Returns the bare code with every `#[cfg(test)]` item replaced by spaces.
pub(crate) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = code.as_bytes().to_vec();
    let mut from = 0;
    while let Some(start) = code[from..].find(MARK).map(|i| i + from) {
        let end = item_end(code.as_bytes(), start + MARK.len());
        for byte in &mut out[start..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        from = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Returns the position just past the item that starts at `at`: its closing brace, or its semicolon.
pub(crate) fn item_end(code: &[u8], at: usize) -> usize {
    let mut depth = 0_usize;
    for (i, byte) in code.iter().enumerate().skip(at) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' if depth <= 1 => return i + 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            b';' if depth == 0 => return i + 1,
            _ => {}
        }
    }
    code.len()
}

/// Returns true if the byte may be part of a word.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Returns the line numbers (from 1) on which `word` occurs as a whole word.
pub(crate) fn lines_with(code: &str, word: &str) -> Vec<usize> {
    let hit = |line: &str| {
        line.match_indices(word).any(|(i, _)| {
            let bytes = line.as_bytes();
            (i == 0 || !is_word(bytes[i - 1])) && bytes.get(i + word.len()).is_none_or(|b| !is_word(*b))
        })
    };
    code.lines().enumerate().filter(|(_, line)| hit(line)).map(|(i, _)| i + 1).collect()
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    out: Vec<u8>,
}

impl Cursor<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn keep(&mut self) {
        self.out.push(self.peek(0));
        self.at += 1;
    }

    fn blank(&mut self, count: usize) {
        for _ in 0..count.min(self.bytes.len() - self.at) {
            self.out.push(if self.peek(0) == b'\n' { b'\n' } else { b' ' });
            self.at += 1;
        }
    }

    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (b'/', b'/') => {
                while self.at < self.bytes.len() && self.peek(0) != b'\n' {
                    self.blank(1);
                }
            }
            (b'/', b'*') => self.block_comment(),
            (b'"', _) => self.string(),
            (b'\'', _) => self.quote(),
            (b'r', b'"' | b'#') if !self.in_word() => self.raw_string(),
            _ => self.keep(),
        }
    }

    /// Returns true if the previous byte belongs to a word other than the `b` or `c` of a byte or C string.
    fn in_word(&self) -> bool {
        let before = |n: usize| self.at.checked_sub(n).map_or(b' ', |i| self.bytes[i]);
        is_word(before(1)) && (!matches!(before(1), b'b' | b'c') || is_word(before(2)))
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.bytes.len() {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => depth += 1,
                (b'*', b'/') => depth -= 1,
                _ => {
                    self.blank(1);
                    continue;
                }
            }
            self.blank(2);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.blank(1);
        while self.at < self.bytes.len() && self.peek(0) != b'"' {
            let escape = self.peek(0) == b'\\';
            self.blank(if escape { 2 } else { 1 });
        }
        self.blank(1);
    }

    fn raw_string(&mut self) {
        let hashes =
            self.bytes.get(self.at + 1..).unwrap_or_default().iter().take_while(|b| **b == b'#').count();
        if self.peek(1 + hashes) != b'"' {
            return self.keep(); // a raw identifier
        }
        self.blank(hashes + 2);
        let end = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
        while self.at < self.bytes.len() && !self.bytes[self.at..].starts_with(&end) {
            self.blank(1);
        }
        self.blank(end.len());
    }

    /// Handles a character literal or a lifetime.
    fn quote(&mut self) {
        let width = match self.peek(1) {
            b'\\' => {
                1 + self
                    .bytes
                    .get(self.at + 3..)
                    .unwrap_or_default()
                    .iter()
                    .take_while(|b| **b != b'\'')
                    .count()
                    + 1
            }
            0..0x80 => 1,
            0x80..0xe0 => 2,
            0xe0..0xf0 => 3,
            _ => 4,
        };
        if self.peek(1 + width) == b'\'' { self.blank(width + 2) } else { self.keep() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let text = r##"let a = "{"; let b = r#"" } "#; let c = '{'; let d: &'a str = '\''; // }
/* { /* } */ */ br"{" é '\u{1}' "##;
        let code = bare(text);
        assert!(!code.contains(['{', '}']), "{code}");
        assert!(code.contains("&'a str"), "{code}");
        assert_eq!(code.lines().count(), text.lines().count());
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(lines_with("unsafe_code\n unsafe {\nmyunsafe", "unsafe"), [2]);
    }

    #[test]
    fn tests_are_left_out() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { {} } }\nfn c() {}";
        assert_eq!(lines_with(&without_tests(code), "fn"), [1, 4]);
    }
}
