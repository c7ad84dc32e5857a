//! `/master-admin/monitoring/`: charts of the last hour of the server that answers the request, and its slow requests.

use super::lines::{Span, draw, most};
use crate::http::{
    App,
    admin::slug,
    observed::{Durations, Interval, ServerGauges, SlowRequest},
    pages::{answer::page, frame, master::words, visit::Staffed, words::Words},
    problem::Result,
    slow::SLOW,
};
use axum::response::Response;
use http::StatusCode;
use tenantry_console::master::{Body, Button, Cell, Chart, Section, Sheet, Table};

/// Address of the page.
const HERE: &str = "/master-admin/monitoring/";

/// `GET /master-admin/monitoring/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed) -> Result<Response> {
    let (platform, words) = (app.platform(), &of.visit.words);
    let (since_us, intervals) = app.history().read(app.metrics(), platform);
    let frame = frame::of_operator(&of, words.say("monitoring"));
    let node = platform.nodes().own_name();
    let totals = app.metrics().totals();
    let facts = vec![
        (words.say("process").to_owned(), Cell::text(&node)),
        (words.say("field-version").to_owned(), Cell::text(env!("CARGO_PKG_VERSION"))),
        (words.say("since").to_owned(), words::at(words, since_us)),
        (words.say("requests-since-start").to_owned(), Cell::text(words.number(totals.requests()))),
        (words.say("errors-since-start").to_owned(), Cell::text(words.number(totals.classes[4]))),
    ];
    let servers: Vec<_> = platform.config().servers.iter().map(|server| server.name.to_string()).collect();
    let slow = app.slow().list();
    let mut rows = vec![];
    for one in &slow {
        rows.push(slow_row(words, one, slug(&app, one.tenant).await));
    }
    let head = words.each(["slow-request", "took", "company", "when", "request-number"]);
    let slow_ms = words.number(u64::try_from(SLOW.as_millis()).unwrap_or(u64::MAX));
    let slow = match rows.is_empty() {
        true => Body::Nothing(
            "circle-check",
            words.say("slow-none").into(),
            words.text("slow-none-help").with("ms", slow_ms).into(),
        ),
        false => Body::Table(Table::new(&head, rows)),
    };
    let mut busiest = vec![];
    for (tenant, store, durations) in app.metrics().busiest() {
        let slug = slug(&app, tenant).await;
        busiest.push([vec![company(slug), Cell::text(store)], took_cells(words, &durations)].concat());
    }
    let stores = app.metrics().stores();
    let stores = stores
        .iter()
        .map(|(store, durations)| [vec![Cell::text(*store)], took_cells(words, durations)].concat());
    let took = ["requests", "mean-time", "latency-p50", "latency-p95", "latency-p99"];
    let by_store = records_table(words, &[&["store"], &took[..]].concat(), stores.collect());
    let by_company = records_table(words, &[&["company", "store"], &took[..]].concat(), busiest);
    let charts = Chart::within_an_hour(charts(words, &intervals, &servers));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.text("monitoring-lead").with("node", node).into(),
        tags: vec![],
        buttons: vec![Button::new(words.say("refresh"), HERE, "refresh-cw")],
        sections: vec![
            Section::new("charts", "", charts),
            Section::new("stores", words.say("records-by-store"), by_store)
                .help(words.say("records-by-store-help")),
            Section::new("busiest", words.say("records-by-company"), by_company)
                .help(words.say("records-by-company-help")),
            Section::new("slow", words.say("slow-requests"), slow).help(words.say("slow-help")),
            Section::new("node", words.say("this-process"), Body::Facts(facts)),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn charts(words: &Words, intervals: &[Interval], servers: &[String]) -> Vec<Chart> {
    let draft = Draft { words, intervals };
    let count = |value: f64| words.point(&format!("{}", value.round()));
    let rate = |value: f64| words.text("rate").with("value", words.point(&few(value))).into();
    let ms = |value: f64| words.text("duration-ms").with("value", words.point(&few(value))).into();
    let bytes = |value: f64| words.bytes(value as u64);
    let per_second = |count: u64, of: &Interval| Some(count as f64 / of.seconds());
    let quantile = |part: f64| move |of: &Interval| Some(of.quantile_us(part)? as f64 / 1000.0);
    let mut all = vec![
        draft.chart("requests-answered", &rate, &[("requests-answered", &|of| per_second(of.requests, of))]),
        draft.chart(
            "latency",
            &ms,
            &[
                ("latency-p50", &quantile(0.5)),
                ("latency-p95", &quantile(0.95)),
                ("latency-p99", &quantile(0.99)),
            ],
        ),
        draft.chart(
            "errors",
            &rate,
            &[
                ("errors-of-servers", &|of| per_second(of.server_errors, of)),
                ("errors-of-clients", &|of| per_second(of.client_errors, of)),
            ],
        ),
        draft.chart(
            "connections-of-clients",
            &count,
            &[("open-now", &|of| Some(of.gauges.connections as f64))],
        ),
        draft.chart("open-databases", &count, &[("open-now", &|of| Some(of.gauges.open_databases as f64))]),
        draft.chart("memory", &bytes, &[("in-use", &|of| Some(of.gauges.memory_bytes? as f64))]),
    ];
    for (n, name) in servers.iter().enumerate() {
        let at = move |of: &Interval| of.gauges.servers.get(n).copied();
        let known = |of: &dyn Fn(ServerGauges) -> bool| intervals.last().and_then(&at).is_some_and(of);
        if known(&|server| server.connections.is_some()) {
            let in_use = move |of: &Interval| Some(at(of)?.connections?.0 as f64);
            let awaited = move |of: &Interval| Some(at(of)?.connections?.2 as f64);
            let mut chart = draft.chart(
                "connections-of-databases",
                &count,
                &[("in-use", &in_use), ("waiting", &awaited)],
            );
            chart.title = words.text("connections-to").with("server", name).into();
            all.push(chart);
        }
        if known(&|server| server.free_bytes.is_some()) {
            let free = move |of: &Interval| Some(at(of)?.free_bytes? as f64);
            let mut chart = draft.chart("free-on-disk", &bytes, &[("free", &free)]);
            chart.title = words.text("free-on").with("server", name).into();
            all.push(chart);
        }
    }
    all
}

/// Formats a number with few digits, for charts.
fn few(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        value => format!("{value:.2}"),
    }
}

/// The common inputs of all charts.
struct Draft<'a> {
    words: &'a Words,
    intervals: &'a [Interval],
}

type ValueOf<'a> = &'a dyn Fn(&Interval) -> Option<f64>;

impl Draft<'_> {
    /// Returns a chart of the given values of the intervals. Each value has a name.
    fn chart(
        &self,
        title: &'static str,
        shown: &dyn Fn(f64) -> String,
        values: &[(&'static str, ValueOf<'_>)],
    ) -> Chart {
        let span = |of: &Interval, value: ValueOf<'_>| Span {
            start_us: of.start_us,
            end_us: of.end_us,
            value: value(of),
        };
        let spans = |value: ValueOf<'_>| self.intervals.iter().map(|of| span(of, value)).collect::<Vec<_>>();
        let newest = |value: ValueOf<'_>| {
            let newest = self.intervals.iter().rev().find_map(value);
            newest.map_or_else(|| "–".to_owned(), shown)
        };
        let labelled = |(name, value): &(&'static str, ValueOf<'_>)| match values.len() {
            1 => (newest(*value), spans(*value)),
            _ => (format!("{} {}", self.words.say(name), newest(*value)), spans(*value)),
        };
        let lines: Vec<_> = values.iter().map(labelled).collect();
        let top = most(&lines);
        let at = |us: Option<i64>| us.map_or_else(String::new, |us| self.words.clock(us));
        Chart {
            title: self.words.say(title).to_owned(),
            lines: draw(&lines, top),
            top: self.words.text("chart-most").with("value", shown(top)).into(),
            first: at(self.intervals.first().map(|of| of.start_us)),
            last: at(self.intervals.last().map(|of| of.end_us)),
        }
    }
}

/// Returns a table of requests for records, or what to say if there were none.
fn records_table(words: &Words, head: &[&'static str], rows: Vec<Vec<Cell>>) -> Body {
    match rows.is_empty() {
        true => Body::Nothing("circle-check", words.say("records-none").into(), String::new()),
        false => Body::Table(Table::new(&head.iter().map(|id| words.say(id)).collect::<Vec<_>>(), rows)),
    }
}

fn took_cells(words: &Words, durations: &Durations) -> Vec<Cell> {
    let ms = |us: Option<u64>| {
        let value = few(us.unwrap_or(0) as f64 / 1000.0);
        Cell::number(words.text("duration-ms").with("value", words.point(&value)))
    };
    let parts = [0.5, 0.95, 0.99].map(|part| ms(durations.quantile_us(part)));
    let counted = [Cell::number(words.number(durations.requests())), ms(durations.mean_us())];
    counted.into_iter().chain(parts).collect()
}

fn company(slug: Option<String>) -> Cell {
    slug.map_or_else(Cell::default, |slug| {
        let href = format!("/master-admin/companies/{slug}/");
        Cell::link(slug, href)
    })
}

fn slow_row(words: &Words, one: &SlowRequest, tenant: Option<String>) -> Vec<Cell> {
    let what = one.conditions.join(", ");
    let what =
        one.model.iter().cloned().chain((!what.is_empty()).then_some(what)).collect::<Vec<_>>().join(": ");
    let took = words
        .text("duration-ms")
        .with("value", words.number(u64::try_from(one.took.as_millis()).unwrap_or(u64::MAX)));
    vec![
        Cell::text(format!("{} {}", one.method, one.route)).small(what),
        Cell::number(took),
        company(tenant),
        words::at(words, one.at_us),
        Cell::text(&one.request).small(one.status.to_string()),
    ]
}
