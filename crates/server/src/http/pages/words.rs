//! Values in words, in the language and time zone of the visitor.

use jiff::{Timestamp, ToSpan, civil::Date, civil::DateTime, tz::TimeZone};
use std::sync::Arc;
use tenantry::{
    access::sessions::SessionInfo,
    apps::Labels,
    model::{Field, Model},
    plans,
    query::Period,
};
use tenantry_console::{Language, Moment, language::Text};

/// Language and time zone in which a page shows values to its visitor.
#[derive(Debug, Clone)]
pub(in crate::http) struct Words {
    pub(super) language: Language,
    pub(super) zone: TimeZone,
    /// Labels of models, fields, choices, roles and plans, in the language.
    pub(super) labels: Arc<Labels>,
}

impl Default for Words {
    fn default() -> Self {
        Self { language: Language::default(), zone: TimeZone::UTC, labels: Arc::default() }
    }
}

impl Words {
    /// Returns a text without arguments.
    pub(super) fn say(&self, id: &'static str) -> &'static str {
        self.language.say(id)
    }

    /// Returns several texts without arguments, such as the heads of a table.
    pub(super) fn each<const N: usize>(&self, ids: [&'static str; N]) -> [&'static str; N] {
        ids.map(|id| self.say(id))
    }

    /// Returns a text that takes arguments.
    pub(super) fn text(&self, id: &'static str) -> Text {
        self.language.text(id)
    }

    /// Returns an instant in words.
    pub(super) fn instant(&self, us: i64) -> String {
        self.language.datetime(wall(self.at(us)))
    }

    /// Returns the time of day of an instant, with its zone.
    pub(super) fn clock(&self, us: i64) -> String {
        let at = self.zone.to_datetime(timestamp(us));
        let zone = self.zone.to_offset_info(timestamp(us));
        format!("{:02}:{:02} {}", at.hour(), at.minute(), zone.abbreviation())
    }

    /// Returns when a day begins in the visitor's time zone, some days after the given one. `None` if the text is
    /// not a day.
    pub(super) fn start_of_day(&self, text: &str, days: i64) -> Option<i64> {
        let day = text.parse::<Date>().ok()?.checked_add(days.days()).ok()?;
        Some(day.to_zoned(self.zone.clone()).ok()?.timestamp().as_microsecond())
    }

    /// Returns an instant in words, and as programs read it.
    pub(super) fn moment(&self, us: i64) -> (String, String) {
        (self.instant(us), iso(us))
    }

    /// Returns the browser and the system of a session, from its user agent.
    pub(super) fn agent(&self, session: &SessionInfo) -> String {
        let Some(agent) = session.agent.as_deref() else { return self.say("agent-program").into() };
        match browser_and_system(agent) {
            (Some(browser), Some(system)) => {
                self.text("agent-on").with("browser", browser).with("system", system).into()
            }
            (Some(browser), None) => browser.into(),
            _ => agent.chars().take(60).collect(),
        }
    }

    /// Returns a day in words. Text that is not a day is returned unchanged.
    pub(super) fn date(&self, text: &str) -> String {
        let date = text.parse::<Date>();
        date.map_or_else(|_| text.to_owned(), |date| self.language.date(wall(date.into())))
    }

    /// Returns an instant in words. Text that is not an instant is returned unchanged.
    pub(super) fn datetime(&self, text: &str) -> String {
        let at = text.parse::<Timestamp>();
        at.map_or_else(|_| text.to_owned(), |at| self.instant(at.as_microsecond()))
    }

    /// Returns a number with its digits in groups.
    pub(super) fn number(&self, number: u64) -> String {
        self.language.number(number)
    }

    /// Returns a size in words.
    pub(super) fn bytes(&self, bytes: u64) -> String {
        self.language.bytes(bytes)
    }

    /// Returns a decimal number with the digits before its point in groups.
    pub(super) fn grouped(&self, text: &str) -> String {
        self.language.decimal(text)
    }

    /// Returns a period of the calendar in words, from its first day. Text that is not a day is returned unchanged.
    pub(super) fn period(&self, text: &str, period: Period) -> String {
        let Some(day) = first_day(text) else { return text.to_owned() };
        match period {
            Period::Year => day.year().to_string(),
            Period::Quarter => {
                let quarter = (day.month() - 1) / 3 + 1;
                self.text("quarter")
                    .with("quarter", i32::from(quarter))
                    .with("year", day.year().to_string())
                    .into()
            }
            Period::Month => self.language.month(wall(day.into())),
            Period::Day => self.language.date(wall(day.into())),
        }
    }

    /// Returns a decimal number with the language's decimal mark, without groups of digits.
    pub(super) fn point(&self, text: &str) -> String {
        self.language.digits().ungrouped(text)
    }

    /// Returns the name of the zone in which times are shown and entered.
    pub(super) fn zone_name(&self) -> String {
        self.zone.iana_name().unwrap_or("UTC").to_owned()
    }

    /// Returns an English text of the platform in the language of the page.
    pub(super) fn known(&self, text: &str) -> String {
        self.language.translated(text).into_owned()
    }

    /// Returns the label of a model; its name if no app declares it.
    pub(super) fn model(&self, name: &str) -> String {
        let models = self.labels.models();
        models
            .iter()
            .find(|model| model.name.as_str() == name)
            .map_or_else(|| human(name), |m| m.label.clone())
    }

    /// Returns the label of a model's field.
    pub(super) fn field(&self, model: &str, name: &str) -> String {
        let model = self.labels.models().iter().find(|known| known.name.as_str() == model);
        let field = model.and_then(|model| model.field(name));
        field.map_or_else(|| human(name), |field| field.label.clone())
    }

    /// Returns the label of a value of a closed list.
    pub(super) fn choice(&self, model: &Model, field: &Field, value: &str) -> String {
        let label = self.labels.choice(model.name.as_str(), field.name.as_str(), value);
        label.map_or_else(|| human(value), str::to_owned)
    }

    /// Returns the label of a transition: in the language, else as given.
    pub(super) fn transition(&self, model: &Model, name: &str, own: &str) -> String {
        self.labels.transition(model.name.as_str(), name).unwrap_or(own).to_owned()
    }

    /// Returns the label of a role.
    pub(super) fn role(&self, name: &str) -> String {
        self.labels.role(name).unwrap_or(name).to_owned()
    }

    /// Returns the label of a plan: in the language, else as given.
    pub(super) fn plan(&self, code: &str, own: &str) -> String {
        self.labels.plan(code).unwrap_or(own).to_owned()
    }

    /// Returns the state of a subscription in words.
    pub(super) fn subscription(&self, state: plans::State) -> String {
        let name = state.as_str();
        let known = self.language.find(&format!("state-{}", name.replace('_', "-")));
        known.map_or_else(|| human(name).to_lowercase(), str::to_owned)
    }

    /// Returns the progress of something in words: done of total, in this unit.
    pub(super) fn amount(&self, unit: &str, done: u64, total: u64) -> String {
        let of = |amount: u64| if unit == "bytes" { self.bytes(amount) } else { self.number(amount) };
        let done = match total {
            0 => of(done),
            total => self.text("amount-of").with("done", of(done)).with("total", of(total)).into(),
        };
        match unit {
            "bytes" => done,
            unit => format!("{done} {}", self.language.translated(unit)),
        }
    }

    fn at(&self, us: i64) -> DateTime {
        self.zone.to_datetime(timestamp(us))
    }
}

fn timestamp(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn wall(at: DateTime) -> Moment {
    Moment { year: at.year(), month: at.month(), day: at.day(), hour: at.hour(), minute: at.minute() }
}

/// Returns an instant as programs read it, in ISO 8601.
pub(super) fn iso(us: i64) -> String {
    timestamp(us).to_string()
}

/// Returns the browser and the system that a user agent names.
fn browser_and_system(agent: &str) -> (Option<&'static str>, Option<&'static str>) {
    let named = |list: &[(&str, &'static str)]| {
        list.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    // Most browsers also name the browsers that they descend from, so the order matters.
    let browser = named(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = named(&[
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    (browser, system)
}

/// Returns a name of a closed list as words: `on_hold` → `On hold`.
pub(super) fn human(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

/// Returns the first day of a period that is given by a date or an instant.
fn first_day(text: &str) -> Option<Date> {
    text.get(..10)?.parse().ok()
}

/// Returns the first day or instant of the next period, in the format of the given one; `None` beyond the calendar.
pub(super) fn next_period(text: &str, period: Period) -> Option<String> {
    let day = first_day(text)?;
    let span = match period {
        Period::Year => 1.year(),
        Period::Quarter => 3.months(),
        Period::Month => 1.month(),
        Period::Day => 1.day(),
    };
    Some(format!("{}{}", day.checked_add(span).ok()?, &text[10..]))
}

/// Returns the number of the period: neighbouring periods differ by one.
pub(super) fn index_of_period(text: &str, period: Period) -> i64 {
    let Some(day) = first_day(text) else { return 0 };
    let (year, month) = (i64::from(day.year()), i64::from(day.month()) - 1);
    match period {
        Period::Year => year,
        Period::Quarter => year * 4 + month / 3,
        Period::Month => year * 12 + month,
        Period::Day => i64::from((day - jiff::civil::date(1970, 1, 1)).get_days()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_each_other() {
        assert_eq!(next_period("2026-12-01", Period::Month).as_deref(), Some("2027-01-01"));
        assert_eq!(
            next_period("2026-10-01T00:00:00Z", Period::Quarter).as_deref(),
            Some("2027-01-01T00:00:00Z")
        );
        assert_eq!(next_period("9999-12-31", Period::Day), None);
        assert_eq!(Words::default().period("2026-10-01", Period::Quarter), "Q4 2026");
        for kind in [Period::Year, Period::Quarter, Period::Month, Period::Day] {
            let next = next_period("2024-01-01", kind).unwrap();
            assert_eq!(index_of_period(&next, kind) - index_of_period("2024-01-01", kind), 1, "{kind:?}");
        }
    }
}
