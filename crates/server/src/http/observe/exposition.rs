//! The text format of Prometheus. Names and labels come from this program's own tables and from the configuration, so
//! nothing in them needs escaping.

use std::fmt::{Display, Write};

/// Text of metrics in Prometheus' format.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

impl Exposition {
    /// Begins a family of samples.
    pub(in crate::http) fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Adds a sample to the family. `labels` is empty, or a list in braces.
    pub(in crate::http) fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// Adds a gauge.
    pub(in crate::http) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, "", value);
    }

    /// Adds a gauge with a sample for each value of a label.
    pub(in crate::http) fn gauges<L: Display, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) {
        self.family(name, "gauge", help);
        for (of, value) in values {
            self.sample(name, &format!("{{{label}=\"{of}\"}}"), value);
        }
    }

    /// Returns the text.
    pub(in crate::http) fn into_text(self) -> String {
        self.0
    }
}
