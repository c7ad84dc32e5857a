//! Habits of language over which readers stumble (`CONTRIBUTING.md` has the rules). `tidy` calls it; `ratchet`
//! determines how many a file may still have.

use super::length::{Kind, Measured};

/// Words without a noun. Name the task, connection, process, caller or person instead.
const HEADLESS: [&str; 5] = ["whoever", "somebody", "nobody", "anybody", "everybody"];
/// Words after which "who" has no noun either.
const BEFORE_WHO: [&str; 7] = ["by", "of", "to", "for", "from", "than", "with"];
/// Phrases that send the reader elsewhere or say nothing.
const PHRASES: [&[&str]; 2] = [&["such", "a", "one"], &["see", "the", "module"]];

/// Counts the lines with such a habit, in each page and in the comments of each source file.
pub(crate) fn measure(files: &[(String, String)]) -> Vec<Measured> {
    let counted = files.iter().filter_map(|(path, text)| {
        let lines = match path.rsplit_once('.') {
            Some((_, "rs")) => {
                let comments = text.lines().filter_map(|line| line.split_once("//"));
                comments.filter(|(_, comment)| is_bad(comment) || names_requirement(comment)).count()
            }
            Some((_, "md")) => text.lines().filter(|line| is_bad(line)).count(),
            _ => 0,
        };
        (lines > 0).then(|| Measured { kind: Kind::Habit, what: path.clone(), lines })
    });
    counted.collect()
}

/// Returns true if the comment names a requirement by its number. These numbers are only in `docs/requirements.md`, so
/// a reader of the code has no list of them at hand.
fn names_requirement(comment: &str) -> bool {
    let words = comment.split(|c: char| !c.is_alphanumeric());
    words.filter_map(|word| word.split_at_checked(1)).any(|(letter, number)| {
        let is_number = !number.is_empty() && number.len() <= 2 && number.bytes().all(|b| b.is_ascii_digit());
        is_number && matches!(letter, "M" | "F" | "V" | "X")
    })
}

fn is_bad(comment: &str) -> bool {
    let words: Vec<&str> = comment
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let has = |phrase: &[&str]| lower.windows(phrase.len()).any(|window| window.iter().eq(phrase.iter()));
    let headless_who = || {
        let follows = lower.windows(2).any(|pair| pair[1] == "who" && BEFORE_WHO.contains(&pair[0].as_str()));
        follows || words.contains(&"Who")
    };
    lower.iter().any(|word| HEADLESS.contains(&word.as_str()))
        || words.first() == Some(&"The") && lower.get(1).is_some_and(|word| word == "same")
        || PHRASES.iter().any(|phrase| has(phrase))
        || headless_who()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_requirements_are_found_and_other_numbers_are_not() {
        assert!(names_requirement("Plans (M8)."));
        assert!(names_requirement("Both (`tidy`, X4)"));
        assert!(!names_requirement("T14, V99999, U+00F6, X, 4 M"));
    }

    #[test]
    fn habits_are_found_and_plain_english_is_not() {
        for bad in [
            "The same of a copy.",
            "Held by who is about to delete.",
            "Who reads on rests.",
            "nobody waits",
            "See the module.",
        ] {
            assert!(is_bad(bad), "{bad}");
        }
        for good in
            ["The audit log: who did what.", "A member who left.", "Uses the same file.", "such a file"]
        {
            assert!(!is_bad(good), "{good}");
        }
    }
}
