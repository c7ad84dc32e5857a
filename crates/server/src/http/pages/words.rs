//! Values in words for people.

use tenantry::access::sessions::SessionInfo;

/// Returns an instant as people read it, UTC.
pub(super) fn instant(us: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(us).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%-d %b %Y, %H:%M").to_string()
}

/// Returns the time of an instant, UTC.
pub(super) fn clock(us: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(us).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%H:%M UTC").to_string()
}

/// Returns an instant as programs read it.
pub(super) fn iso(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// Returns browser and system of a session, from its user agent.
pub(super) fn agent(session: &SessionInfo) -> String {
    let Some(agent) = session.agent.as_deref() else { return "A program".into() };
    let named = |list: &[(&str, &'static str)]| {
        list.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    // Most browsers also name those that they descend from, so the order matters.
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
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.into(),
        _ => agent.chars().take(60).collect(),
    }
}

/// Returns a day as people read it. Text that is none stays.
pub(super) fn date(text: &str) -> String {
    let date = text.parse::<jiff::civil::Date>();
    date.map_or_else(|_| text.to_owned(), |date| date.strftime("%-d %b %Y").to_string())
}

/// Returns an instant as people read it, UTC. Text that is none stays.
pub(super) fn datetime(text: &str) -> String {
    let at = text.parse::<jiff::Timestamp>();
    at.map_or_else(|_| text.to_owned(), |at| instant(at.as_microsecond()))
}

/// Returns a name of a closed list as words: `on_hold` → `On hold`.
pub(super) fn human(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

/// Returns a number with its digits in groups.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns a size in words.
pub(super) fn bytes(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= 1024.0 && unit + 1 < units.len() {
        (size, unit) = (size / 1024.0, unit + 1);
    }
    let digits = format!("{size:.1}");
    format!("{} {}", digits.trim_end_matches(".0"), units[unit])
}
