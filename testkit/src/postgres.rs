//! The PostgreSQL servers of the test run, and a database of one's own on them.

/// URLs of superusers, separated by spaces; `cargo xtask test` sets it.
const VARIABLE: &str = "TENANTRY_TEST_POSTGRES_URL";

/// Returns the URLs of the servers that the tests must pass on.
///
/// # Panics
/// If none is named: a suite without a server must not pass.
pub fn servers() -> Vec<String> {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    let servers: Vec<_> = named.split_whitespace().map(str::to_owned).collect();
    assert!(!servers.is_empty(), "no PostgreSQL server: run `cargo xtask test`, or name one in {VARIABLE}");
    servers
}
