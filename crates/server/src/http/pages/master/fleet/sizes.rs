//! Charts of the sizes of databases, and the table of those that grew most.

use super::lines::{Span, draw, most};
use crate::http::pages::words::{Words, iso};
use tenantry::tenants::sizes::{Grown, SizesOfStore};
use tenantry_console::master::{Body, Cell, Chart, Section, Table};

/// Length of a day in microseconds.
const DAY_US: i64 = 86_400_000_000;

/// Returns the charts of the sizes in each store until now.
pub(in crate::http::pages) fn section(words: &Words, stores: &[SizesOfStore], now_us: i64) -> Section {
    let body = match stores.is_empty() {
        true => {
            Body::Nothing("database", words.say("sizes-none").into(), words.say("sizes-none-help").into())
        }
        false => Body::Charts {
            charts: stores.iter().map(|of| chart(words, of, now_us)).collect(),
            is_live: false,
        },
    };
    Section::new("sizes", words.say("sizes"), body).help(words.say("sizes-help"))
}

fn chart(words: &Words, of: &SizesOfStore, now_us: i64) -> Chart {
    let ends = of.points.iter().skip(1).map(|point| point.day_us);
    let last = of.points.last().map_or(now_us, |point| now_us.max(point.day_us + DAY_US));
    let span = |(point, end_us): (&tenantry::tenants::sizes::SizePoint, i64)| Span {
        start_us: point.day_us,
        end_us,
        value: Some(point.bytes as f64),
    };
    let spans: Vec<_> = of.points.iter().zip(ends.chain([last])).map(span).collect();
    let newest = words.bytes(of.points.last().map_or(0, |point| point.bytes));
    let lines = [(newest, spans)];
    let top = most(&lines);
    let day = |us: i64| words.date(iso(us).get(..10).unwrap_or_default());
    Chart {
        title: of.store.clone(),
        lines: draw(&lines, top),
        top: words.text("chart-most").with("value", words.bytes(top as u64)).into(),
        first: of.points.first().map_or_else(String::new, |point| day(point.day_us)),
        last: day(last),
    }
}

/// Returns the databases that grew most.
pub(super) fn fastest(words: &Words, fastest: &[Grown]) -> Section {
    let row = |grown: &Grown| {
        vec![
            Cell::link(&grown.slug, format!("/master-admin/companies/{}/", grown.slug)),
            Cell::text(&grown.store),
            Cell::number(words.bytes(grown.grown)),
            Cell::number(words.bytes(grown.bytes)),
        ]
    };
    let head = words.each(["company", "store", "grown-by", "size"]);
    let body = match fastest.is_empty() {
        true => Body::Nothing("database", words.say("grown-none").into(), String::new()),
        false => Body::Table(Table::new(&head, fastest.iter().map(row).collect())),
    };
    Section::new("fastest", words.say("grown-most"), body)
}
