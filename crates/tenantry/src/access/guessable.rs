//! Passwords that a guesser tries first, although they are long: words everybody uses, runs of keys, repetitions.
//!
//! Used by the policy in `passwords`. A short list and a few rules instead of a dictionary of megabytes: what is left is
//! what the lock against guessing is for.

/// What people choose, without the digits and signs they put around it. Sorted.
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

/// Neighbours on a keyboard, and the order of letters and digits. Runs are found in both directions.
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
/// Characters of a run that count as one choice.
const RUN: usize = 3;
/// Choices a password must be made of at least, a run or a repetition being one.
const CHOICES: usize = 4;
/// A password that repeats so many characters over and over is as good as those alone.
const PERIOD: usize = 4;
/// Digits alone are dates and telephone numbers, unless there are many.
const DIGITS: usize = 16;

/// Whether `password`, lower case, is one of the first that a guesser tries.
pub(super) fn is_guessable(password: &str) -> bool {
    let digits = password.chars().all(|c| c.is_ascii_digit()) && password.chars().count() < DIGITS;
    digits || is_padded_word(password) || choices(password) < CHOICES || is_periodic(password)
}

/// A well-known word, or the same one twice, between digits and signs; `0`, `1`, `3`, `$` and `@` stand for letters.
fn is_padded_word(password: &str) -> bool {
    let is_word = |text: &str| {
        let text = text.trim_matches(|c: char| !c.is_alphabetic());
        WORDS.contains(&text) || halves(text).is_some_and(|half| WORDS.contains(&half))
    };
    is_word(password) || is_word(&letters(password))
}

/// With the signs that people write for letters turned back, where they stand between letters.
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

/// The first half, if the second is the same.
fn halves(text: &str) -> Option<&str> {
    let (first, second) = text.split_at_checked(text.len() / 2)?;
    (first == second).then_some(first)
}

/// How many choices a password is made of: a run along a row and a repetition of what stood before are one each.
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

/// Length of the run along one of [`ROWS`], or of one character, with which `chars` begins.
fn run_at(chars: &[char]) -> usize {
    let same = chars.iter().take_while(|c| Some(*c) == chars.first()).count();
    let along = ROWS.iter().map(|row| {
        let place = |c: char| row.chars().position(|other| other == c);
        let step = |pair: &[char], by: i64| match (place(pair[0]), place(pair[1])) {
            (Some(a), Some(b)) => b as i64 - a as i64 == by,
            _ => false,
        };
        [1, -1].map(|by| 1 + chars.windows(2).take_while(|pair| step(pair, by)).count()).into_iter().max()
    });
    along.flatten().max().unwrap_or(1).max(same)
}

/// Whether a few characters are repeated from the first to the last.
fn is_periodic(password: &str) -> bool {
    let chars: Vec<char> = password.chars().collect();
    (1..=PERIOD).any(|period| (period..chars.len()).all(|n| chars[n] == chars[n - period]))
}

/// How many characters from `at` on repeat those right before, from the start of the password.
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
