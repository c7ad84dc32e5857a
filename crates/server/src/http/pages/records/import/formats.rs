//! Formats of dates and decimals in a file: the page shows a format that the cells determine, and asks for one that
//! they leave open.

use crate::http::pages::words::Words;
use tenantry::records::{DateOrder, DecimalMark, Formats, Guess, ImportOptions};
use tenantry_console::records::Choice;

/// Returns the choices for dates; empty if the file needs no choice.
pub(super) fn dates(words: &Words, guess: Guess<DateOrder>, chosen: Option<DateOrder>) -> Vec<Choice> {
    let label = |order| match order {
        DateOrder::DayFirst => words.say("import-day-first"),
        DateOrder::MonthFirst => words.say("import-month-first"),
    };
    choices(guess, chosen, DateOrder::ALL.map(|(order, name)| (order, name, label(order))))
}

/// Returns the choices for decimals; empty if the file needs no choice.
pub(super) fn decimals(words: &Words, guess: Guess<DecimalMark>, chosen: Option<DecimalMark>) -> Vec<Choice> {
    let label = |mark| match mark {
        DecimalMark::Comma => words.say("import-comma"),
        DecimalMark::Point => words.say("import-point"),
    };
    choices(guess, chosen, DecimalMark::ALL.map(|(mark, name)| (mark, name, label(mark))))
}

fn choices<T: Copy + PartialEq>(
    guess: Guess<T>,
    chosen: Option<T>,
    all: [(T, &'static str, &'static str); 2],
) -> Vec<Choice> {
    let now = match guess {
        Guess::NotNeeded => return vec![],
        Guess::Known(guessed) => chosen.or(Some(guessed)),
        Guess::Open => chosen,
    };
    let choice = |(it, value, label): (T, &str, &str)| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        chosen: now == Some(it),
    };
    all.map(choice).into()
}

/// Returns the choice that the visitor must make before the file can be read. Even a format that the cells determine
/// must have been shown first.
pub(super) fn open(words: &Words, found: Formats, options: &ImportOptions) -> Option<String> {
    let asks = |is_needed: bool, is_chosen: bool, text| (is_needed && !is_chosen).then(|| words.say(text));
    let dates = asks(found.dates != Guess::NotNeeded, options.dates.is_some(), "import-choose-dates");
    let decimals =
        asks(found.decimals != Guess::NotNeeded, options.decimals.is_some(), "import-choose-decimals");
    let all: Vec<_> = dates.into_iter().chain(decimals).collect();
    (!all.is_empty()).then(|| all.join(" "))
}
