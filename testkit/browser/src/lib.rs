//! The console in a real browser: tests only.
