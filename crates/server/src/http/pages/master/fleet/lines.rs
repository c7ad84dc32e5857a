//! Lines of charts from values over time.

use std::fmt::Write;
use tenantry_console::master::{HEIGHT, Line, WIDTH};

/// The value from `start_us` to `end_us`; `None` if there was none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start_us: i64,
    pub(super) end_us: i64,
    pub(super) value: Option<f64>,
}

/// Returns the largest value; 0 if there is none.
pub(super) fn most(lines: &[(String, Vec<Span>)]) -> f64 {
    let values = lines.iter().flat_map(|(_, spans)| spans.iter().filter_map(|span| span.value));
    values.fold(0.0, f64::max)
}

/// Returns the lines of a chart whose upper edge is `top`. The lines are steps: a value applies to its whole span.
pub(super) fn draw(lines: &[(String, Vec<Span>)], top: f64) -> Vec<Line> {
    let all = || lines.iter().flat_map(|(_, spans)| spans);
    let start = all().map(|span| span.start_us).min().unwrap_or_default();
    let end = all().map(|span| span.end_us).max().unwrap_or_default().max(start + 1);
    let x = |us: i64| (us - start) as f64 / (end - start) as f64 * WIDTH;
    let y = |value: f64| HEIGHT - value / if top > 0.0 { top } else { 1.0 } * HEIGHT;
    let path = |spans: &[Span]| {
        let (mut path, mut is_down) = (String::new(), false);
        for span in spans {
            let Some(value) = span.value else {
                is_down = false;
                continue;
            };
            let (from, to, at) = (x(span.start_us), x(span.end_us), y(value));
            // Writing to a string cannot fail.
            let _ = match is_down {
                true => write!(path, "V{at:.1}H{to:.1}"),
                false => write!(path, "M{from:.1} {at:.1}H{to:.1}"),
            };
            is_down = true;
        }
        path
    };
    lines.iter().map(|(label, spans)| Line { label: label.clone(), path: path(spans) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_gap_where_there_is_no_value() {
        let span = |start_us, value| Span { start_us, end_us: start_us + 10, value };
        let lines = vec![(
            "a".to_owned(),
            vec![span(0, Some(1.0)), span(10, Some(2.0)), span(20, None), span(30, Some(0.0))],
        )];
        assert_eq!(most(&lines), 2.0);
        let (quarter, low, half) = (WIDTH / 4.0, HEIGHT, HEIGHT / 2.0);
        let wanted = format!(
            "M0.0 {half:.1}H{quarter:.1}V0.0H{:.1}M{:.1} {low:.1}H{WIDTH:.1}",
            quarter * 2.0,
            quarter * 3.0
        );
        assert_eq!(draw(&lines, 2.0)[0].path, wanted);
        assert_eq!(draw(&[("b".into(), vec![])], 0.0)[0].path, "");
    }
}
