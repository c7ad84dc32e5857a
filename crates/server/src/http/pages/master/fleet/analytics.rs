//! `/master-admin/analytics/`: the number of companies week by week, the sizes of databases, and the use of
//! each plan.

use super::lines::{Span, draw, most};
use crate::http::{
    App,
    admin::USUAL_WEEKS,
    pages::{
        answer::page,
        frame,
        visit::{Staffed, query},
        words::Words,
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::tenants::growth::{Growth, PlanUse, Week};
use tenantry_console::master::{
    Body, Cell, Chart, Choice, Field, Figure, Filter, Kind, Section, Sheet, Table, Tone,
};

/// Address of the page.
const HERE: &str = "/master-admin/analytics/";
/// Numbers of weeks that the page offers.
const PERIODS: [u32; 4] = [8, 26, 52, 104];

/// `GET /master-admin/analytics/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed) -> Result<Response> {
    let words = &of.visit.words;
    let asked = query(&of.visit.query).get("weeks").parse().ok().filter(|weeks| PERIODS.contains(weeks));
    let weeks = asked.unwrap_or(USUAL_WEEKS);
    let growth = app.platform().tenants().growth(&of.actor, weeks).await?;
    let sizes = app.platform().tenants().sizes_of_all(&of.actor, weeks * 7).await?;
    let frame = frame::of_operator(&of, words.say("analytics"));
    let choice = |weeks: u32| Choice::new(weeks.to_string(), words.text("last-weeks").with("count", weeks));
    let period = Field::new("weeks", words.say("period"), Kind::Select(PERIODS.map(choice).to_vec()));
    let fields = vec![period.value(weeks.to_string())];
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("platform-analytics-lead").into(),
        tags: vec![],
        buttons: vec![],
        sections: vec![
            Section::new("period", "", Body::Filter(Filter { action: HERE, q: None, fields })),
            Section::new("figures", "", Body::Figures(figures(words, &growth))),
            Section::new("charts", "", Body::Charts { charts: charts(words, &growth.weeks), is_live: false }),
            super::sizes::section(words, &sizes.stores, app.platform().now_us()),
            super::sizes::fastest(words, &sizes.fastest),
            Section::new("plans", words.say("plans"), plans(words, &growth.plans))
                .help(words.say("plan-use-help")),
            Section::new("by-week", words.say("weeks"), table(words, &growth.weeks)),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn figures(words: &Words, growth: &Growth) -> Vec<Figure> {
    let sum = |of: fn(&Week) -> u64| growth.weeks.iter().map(of).sum::<u64>();
    let figure = |count, id| Figure {
        number: words.number(count),
        label: words.say(id).to_owned(),
        href: String::new(),
        tone: Tone::Plain,
    };
    vec![
        figure(growth.weeks.last().map_or(0, |week| week.open), "open-companies"),
        figure(sum(|week| week.created), "registrations"),
        figure(sum(|week| week.cancelled), "cancellations"),
    ]
}

fn charts(words: &Words, weeks: &[Week]) -> Vec<Chart> {
    let chart = |title, of: fn(&Week) -> u64| {
        let span = |(n, week): (usize, &Week)| Span {
            start_us: week.start_us,
            end_us: weeks.get(n + 1).map_or(week.start_us + 7 * 86_400_000_000, |next| next.start_us),
            value: Some(of(week) as f64),
        };
        let newest = words.number(weeks.last().map_or(0, of));
        let label = words.text("this-week").with("count", newest).to_string();
        let lines = [(label, weeks.iter().enumerate().map(span).collect())];
        let top = most(&lines);
        let day = |week: Option<&Week>| week.map_or_else(String::new, |week| day(words, week));
        Chart {
            title: words.say(title).to_owned(),
            lines: draw(&lines, top),
            top: words.text("chart-most").with("value", words.number(top as u64)).into(),
            first: day(weeks.first()),
            last: day(weeks.last()),
        }
    };
    vec![
        chart("open-companies", |week| week.open),
        chart("registrations", |week| week.created),
        chart("cancellations", |week| week.cancelled),
    ]
}

/// Returns the first day of a week, in UTC.
fn day(words: &Words, week: &Week) -> String {
    words.date(crate::http::pages::words::iso(week.start_us).get(..10).unwrap_or_default())
}

fn plans(words: &Words, plans: &[PlanUse]) -> Body {
    let row = |plan: &PlanUse| {
        vec![
            Cell::link(
                words.plan(&plan.plan, &plan.plan),
                format!("/master-admin/companies/?plan={}", plan.plan),
            ),
            Cell::number(words.number(plan.tenants)),
            Cell::number(words.number(plan.users)),
            Cell::number(words.bytes(plan.bytes)),
        ]
    };
    let head = words.each(["plan", "companies", "members", "size"]);
    Body::Table(Table::new(&head, plans.iter().map(row).collect()))
}

fn table(words: &Words, weeks: &[Week]) -> Body {
    let row = |week: &Week| {
        vec![
            Cell::text(day(words, week)),
            Cell::number(words.number(week.created)),
            Cell::number(words.number(week.cancelled)),
            Cell::number(words.number(week.open)),
        ]
    };
    let head = words.each(["week-from", "registrations", "cancellations", "open-at-its-end"]);
    Body::Table(Table::new(&head, weeks.iter().rev().map(row).collect()))
}
