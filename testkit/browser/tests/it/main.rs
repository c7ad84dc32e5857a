//! The console in a real browser.

mod company;
mod fits;
mod kit;
mod lists;
mod one_record;
mod operators;
mod records;
mod staff;
