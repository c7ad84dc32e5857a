//! The HTTP side, driven over a real socket.

mod serving;
