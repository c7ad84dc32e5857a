//! Integration tests of the platform, one binary.

mod access_acting;
mod access_attack;
mod access_doors;
mod access_jwks;
mod access_jwt;
mod access_kit;
mod access_lives;
mod access_lockout;
mod access_paths;
mod access_tokens;
mod audit_chain;
mod backups_forged;
mod backups_kit;
mod backups_life;
mod backups_migrated;
#[cfg(feature = "s3")]
mod backups_s3;
mod backups_t7;
mod brought;
mod config_apps;
mod config_files;
mod config_fleet;
mod config_make;
mod config_migrate;
mod config_platform;
mod control_domain;
mod control_scale;
mod crossings_live;
mod mixed;
mod mixed_kit;
mod operations;
mod placements;
mod platform_provision;
mod simulation;
mod simulation_kit;
mod world;
