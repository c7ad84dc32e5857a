//! The console in a real browser.

mod company;
mod fits;
mod kit;
mod operators;
mod records;
mod staff;
