//! Text of a configuration file.

use std::fmt;

/// A configuration with its three stores and the settings that a test needs. [`fmt::Display`] writes the file.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name and lines of each table.
    tables: Vec<(String, Vec<String>)>,
    /// Text after the tables.
    more: String,
}

impl Default for Settings {
    fn default() -> Self {
        let stores = ["stores.control", "stores.shared", "stores.tenant"];
        Self { tables: stores.map(|table| (table.to_owned(), vec![])).into(), more: String::new() }
    }
}

impl Settings {
    /// Sets a key of a table: `set("retention", "final_backup = false")`.
    ///
    /// # Panics
    /// Panics if the line is not `key = value`.
    #[must_use]
    pub fn set(mut self, table: &str, line: &str) -> Self {
        let key = |line: &str| line.split_once('=').expect("key = value").0.trim().to_owned();
        let at = self.tables.iter().position(|(name, _)| name == table).unwrap_or(self.tables.len());
        if at == self.tables.len() {
            self.tables.push((table.to_owned(), vec![]));
        }
        let lines = &mut self.tables[at].1;
        lines.retain(|other| key(other) != key(line));
        lines.push(line.to_owned());
        self
    }

    /// Removes a table.
    #[must_use]
    pub fn without(mut self, table: &str) -> Self {
        self.tables.retain(|(name, _)| name != table);
        self
    }

    /// Adds whole tables.
    #[must_use]
    pub fn with(mut self, tables: &str) -> Self {
        self.more.push_str(tables);
        self
    }

    /// Sets the isolation of tenants.
    #[must_use]
    pub fn isolation(self, isolation: &str) -> Self {
        self.set("stores.tenant", &format!("isolation = \"{isolation}\""))
    }

    /// Adds the SQLite servers `main` and `disk` for tenants.
    #[must_use]
    pub fn two_servers(self) -> Self {
        self.set("servers.main", "path = \"databases\"")
            .set("servers.disk", "path = \"more\"")
            .set("stores.tenant", "servers = [\"main\", \"disk\"]")
    }

    /// Adds one plan, `free`, without limits.
    #[must_use]
    pub fn free_plan(self) -> Self {
        self.set("plans.free", "label = \"Free\"").set("registration", "default_plan = \"free\"")
    }

    /// Returns true if the name of a table begins with this text.
    pub fn names(&self, start: &str) -> bool {
        self.tables.iter().any(|(name, _)| name.starts_with(start))
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, lines) in &self.tables {
            writeln!(f, "[{name}]\n{}", lines.join("\n"))?;
        }
        f.write_str(&self.more)
    }
}
