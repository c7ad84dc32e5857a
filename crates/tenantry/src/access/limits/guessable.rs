//! Passwords that attackers try first although they are long: well-known words, runs of keys, repetitions.
//!
//! The policy in `passwords` uses it. A short list and a few rules replace a dictionary of megabytes: the lockout
//! protects against the remaining guesses.

/// Well-known words, without the digits and signs that people add around them. Sorted.
const WORDS: [&str; 48] = [
    "abcdefgh",
    "access",
    "admin",
    "administrator",
    "baseball",
    "basketball",
    "changeme",
    "charlie",
    "chocolate",
    "computer",
    "default",
    "dragon",
    "football",
    "freedom",
    "guest",
    "hello",
    "iloveyou",
    "letmein",
    "login",
    "loveyou",
    "manager",
    "master",
    "michael",
    "monkey",
    "mustang",
    "mypassword",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "princess",
    "qazwsx",
    "qwerty",
    "qwertyuiop",
    "root",
    "secret",
    "shadow",
    "starwars",
    "summer",
    "sunshine",
    "superman",
    "superuser",
    "test",
    "trustno",
    "user",
    "welcome",
    "whatever",
    "winter",
];

/// Neighbouring keys on keyboards, and the order of letters and digits. Runs in both directions are found.
const ROWS: [&str; 8] = [
    "1234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "abcdefghijklmnopqrstuvwxyz",
];
/// Keys below each other. People type these by following the columns of a keyboard, or by alternating between two rows.
const COLUMNS: [&str; 10] = ["1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik,", "9ol.", "0p;/"];
/// Pairs of rows, alternating key by key.
const ZIGZAGS: [&str; 6] = [
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1q2w3e4r5t6z7u8i9o0p",
    "q1w2e3r4t5z6u7i8o9p0",
    "qawsedrftgyhujikolp",
    "azsxdcfvgbhnjmk",
];
/// Number of characters from which a run counts as one choice.
const RUN: usize = 3;
/// Smallest number of choices in a password; a run or a repetition is one choice.
const CHOICES: usize = 4;
/// Longest unit of a repetition: a password that only repeats such a unit is as weak as the unit itself.
const PERIOD: usize = 4;
/// Smallest number of digits at which a password of digits only is not taken for a date or telephone number.
const DIGITS: usize = 16;

/// Returns true if `password`, in lower case, is among the first passwords that an attacker tries.
pub(in crate::access) fn is_guessable(password: &str) -> bool {
    let digits = password.chars().all(|c| c.is_ascii_digit()) && password.chars().count() < DIGITS;
    digits || is_padded_word(password) || choices(password) < CHOICES || is_periodic(password)
}

/// Returns true for a well-known word, or the same word twice, surrounded by digits and signs; `0`, `1`, `3`, `$` and
/// `@` stand for letters.
fn is_padded_word(password: &str) -> bool {
    let is_word = |text: &str| {
        let text = text.trim_matches(|c: char| !c.is_alphabetic());
        WORDS.contains(&text) || halves(text).is_some_and(|half| WORDS.contains(&half))
    };
    is_word(password) || is_word(&letters(password))
}

/// Replaces signs that people write instead of letters, if they are between letters.
fn letters(password: &str) -> String {
    let inner = password.trim_end_matches(|c: char| !c.is_alphabetic());
    let turned = inner.chars().map(|c| match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '$' | '5' => 's',
        '@' | '4' => 'a',
        other => other,
    });
    turned.collect()
}

/// Returns the first half of the text if the second half is the same.
fn halves(text: &str) -> Option<&str> {
    let (first, second) = text.split_at_checked(text.len() / 2)?;
    (first == second).then_some(first)
}

/// Returns the number of choices in a password. A run along a row, or a repetition of earlier characters, is one
/// choice.
fn choices(password: &str) -> usize {
    let chars: Vec<char> = password.chars().collect();
    let (mut at, mut choices) = (0, 0);
    while at < chars.len() {
        let run = run_at(&chars[at..]).max(repetition_at(&chars, at));
        at += if run >= RUN { run } else { 1 };
        choices += 1;
    }
    choices
}

/// Returns the length of the run along one of [`ROWS`], [`COLUMNS`] or [`ZIGZAGS`], or of one repeated character, with
/// which `chars` begins.
fn run_at(chars: &[char]) -> usize {
    let same = chars.iter().take_while(|c| Some(*c) == chars.first()).count();
    let along = ROWS.iter().chain(&COLUMNS).chain(&ZIGZAGS).map(|row| {
        let place = |c: char| row.chars().position(|other| other == c);
        let step = |pair: &[char], by: i64| match (place(pair[0]), place(pair[1])) {
            (Some(a), Some(b)) => b as i64 - a as i64 == by,
            _ => false,
        };
        [1, -1].map(|by| 1 + chars.windows(2).take_while(|pair| step(pair, by)).count()).into_iter().max()
    });
    along.flatten().max().unwrap_or(1).max(same)
}

/// Returns true if the password only repeats a few characters.
fn is_periodic(password: &str) -> bool {
    let chars: Vec<char> = password.chars().collect();
    (1..=PERIOD).any(|period| (period..chars.len()).all(|n| chars[n] == chars[n - period]))
}

/// Returns the number of characters from `at` on that repeat the characters right before them.
fn repetition_at(chars: &[char], at: usize) -> usize {
    let length = |back: usize| (at..chars.len()).take_while(|n| chars[*n] == chars[*n - back]).count();
    (1..=at).map(length).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_guessers_try_first_is_guessable() {
        for password in [
            "1234567890",
            "0987654321",
            "12345678901234",
            "password12",
            "password123!",
            "p@ssw0rd2024",
            "qwertyuiop",
            "qwerty123456",
            "passwordpassword",
            "abcdefghij",
            "aaaaaaaaab",
            "abcabcabcabc",
            "welcome2024!",
            "letmein12345",
            "1q2w1q2w1q2w1q2w",
            "19900401199",
            "administrator1",
            "!!password!!",
            "asdfghjkl123",
            "1q2w3e4r5t",
            "5t4r3e2w1q",
            "q1w2e3r4t5",
            "1qaz2wsx3edc",
            "zaq1xsw2cde3",
            "qawsedrftg",
        ] {
            assert!(is_guessable(password), "{password}");
        }
    }

    #[test]
    fn what_they_do_not_is_not() {
        for password in [
            "correct horse battery",
            "another horse battery",
            "demo-only-password",
            "attacker knows 1234",
            "tr0ub4dor&3x",
            "initial by city 77",
            "8391740265182736",
            "summer in the city",
            "my password is long",
            "x7!kq-2vw9",
        ] {
            assert!(!is_guessable(password), "{password}");
        }
    }

    #[test]
    fn the_words_are_sorted() {
        assert!(WORDS.is_sorted());
    }
}
