//! The operator: an actor without credentials that may do everything.
//!
//! The program that opens the platform creates the operator for its own commands and jobs. The operating system has
//! authorised the user who runs this program. No request from a network may get this actor: `xtask tidy` refuses its
//! name in the HTTP layer.

use super::Actor;
use std::ops::Deref;

/// The operator of the installation, acting through a command or a job of the program that opened the platform.
#[derive(Debug, Clone)]
pub struct Operator(Actor);

impl Operator {
    /// Creates the operator with the name that the audit log shows, for example `cli:root` or `job:invoices`.
    pub fn new(name: &str) -> Self {
        Self(Actor::system(name))
    }
}

impl Deref for Operator {
    type Target = Actor;
    fn deref(&self) -> &Actor {
        &self.0
    }
}
