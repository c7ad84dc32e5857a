//! Commands that serve, and commands that check or steer an installation.

pub(in crate::cli) mod audit;
pub(in crate::cli) mod check;
pub(in crate::cli) mod clock;
pub(in crate::cli) mod demo;
pub(in crate::cli) mod reload;
pub(in crate::cli) mod serve;
