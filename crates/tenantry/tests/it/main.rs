//! Integration tests of the platform, one binary.

mod access_doors;
mod access_jwt;
mod access_tokens;
mod config_apps;
mod config_files;
