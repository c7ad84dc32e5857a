//! The HTTP side: most of it in process, the serve loop over a real socket.

mod access;
mod account;
mod app;
mod attack;
mod audited;
mod audited_life;
mod backups;
mod binary;
mod copies;
mod crowded;
mod ends;
mod hostile;
mod life;
mod lives;
mod moving;
mod moving_cli;
mod operations;
mod overrides;
mod pipes;
mod placements;
mod progress;
mod records;
mod serving;
mod shapes;
mod streams;
mod words;
