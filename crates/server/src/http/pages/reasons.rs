//! Problems of the platform in the language of the page. The API and the platform answer in English. The file
//! `problem.ftl` translates their texts; a text that is not in it stays English.

use super::words::Words;
use crate::http::problem::Problem;

/// Translates a text of the platform, which may be a fragment or the sentence that the API makes of it.
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

/// Returns the broken rule of a field as a translated sentence.
pub(super) fn sentence(words: &Words, message: &str) -> String {
    sentence_of(words, known(words, message))
}

/// Makes a sentence of a fragment. The capital of `i` depends on the language.
fn sentence_of(words: &Words, text: String) -> String {
    let text =
        text.strip_prefix('i').map_or(text.clone(), |rest| format!("{}{rest}", words.say("capital-i")));
    crate::http::problem::sentence(text)
}

/// Returns the reason of a problem.
pub(super) fn detail(words: &Words, problem: &Problem) -> String {
    known(words, problem.detail())
}

/// Returns the remedy of a problem; empty if none is known.
pub(super) fn remedy(words: &Words, problem: &Problem) -> String {
    known(words, problem.remedy_text())
}

/// Returns the reason of a problem, followed by its remedy.
pub(super) fn with_remedy(words: &Words, problem: &Problem) -> String {
    format!("{} {}", detail(words, problem), remedy(words, problem)).trim().to_owned()
}

/// Returns the rule that a field breaks, or the reason of the problem if it does not name the field.
pub(super) fn of(words: &Words, problem: &Problem, field: &str) -> String {
    let wrong = problem.wrong_fields().iter().find(|wrong| wrong.field == field);
    wrong.map_or_else(|| detail(words, problem), |wrong| sentence(words, &wrong.message))
}

/// Returns the first broken rule, or the reason of the problem if it names no field.
pub(super) fn first(words: &Words, problem: &Problem) -> String {
    let wrong = problem.wrong_fields().first();
    wrong.map_or_else(|| detail(words, problem), |wrong| sentence(words, &wrong.message))
}
