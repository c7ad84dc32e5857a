//! Problems of the platform in the language of the page. The API and the platform speak English; the file `problem.ftl` has
//! their texts, and a text that is not in it stays as it is.

use super::words::Words;
use crate::http::problem::Problem;

/// Returns a text of the platform: as it is, or as the sentence that the API makes of it.
pub(super) fn known(words: &Words, text: &str) -> String {
    let found = words.known(text);
    if found != text {
        return found;
    }
    let mut letters = text.trim_end_matches('.').chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
    let fragment = first + letters.as_str();
    let found = words.known(&fragment);
    if found == fragment { text.to_owned() } else { sentence_of(words, found) }
}

/// Returns the broken rule of a field as a sentence.
pub(super) fn sentence(words: &Words, message: &str) -> String {
    sentence_of(words, known(words, message))
}

/// Makes a sentence of a fragment. Some languages have another capital of `i`.
fn sentence_of(words: &Words, text: String) -> String {
    let text =
        text.strip_prefix('i').map_or(text.clone(), |rest| format!("{}{rest}", words.say("capital-i")));
    crate::http::problem::sentence(text)
}

/// Returns what is wrong.
pub(super) fn detail(words: &Words, problem: &Problem) -> String {
    known(words, problem.detail())
}

/// Returns what to do about it; empty if that is not known.
pub(super) fn remedy(words: &Words, problem: &Problem) -> String {
    known(words, problem.remedy_text())
}

/// Returns what is wrong, and what to do about it.
pub(super) fn with_remedy(words: &Words, problem: &Problem) -> String {
    format!("{} {}", detail(words, problem), remedy(words, problem)).trim().to_owned()
}

/// Returns the rule that a field breaks; what is wrong if the field is not named.
pub(super) fn of(words: &Words, problem: &Problem, field: &str) -> String {
    let wrong = problem.wrong_fields().iter().find(|wrong| wrong.field == field);
    wrong.map_or_else(|| detail(words, problem), |wrong| sentence(words, &wrong.message))
}

/// Returns the first broken rule; what is wrong if no field is named.
pub(super) fn first(words: &Words, problem: &Problem) -> String {
    let wrong = problem.wrong_fields().first();
    wrong.map_or_else(|| detail(words, problem), |wrong| sentence(words, &wrong.message))
}
