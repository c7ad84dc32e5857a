//! The HTTP side: most of it in process, the serve loop over a real socket.

mod access;
mod account;
mod app;
mod binary;
mod hostile;
mod life;
mod moving;
mod operations;
mod overrides;
mod placements;
mod records;
mod serving;
mod streams;
