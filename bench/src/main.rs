//! Measures Tenantry against hand-written baselines; run by `cargo xtask bench`.

fn main() {}
