//! Sections that say where keys are: those that encrypt stored secrets, and the one that signs licences. The keys
//! themselves are never in the configuration.

pub(super) mod licences;
pub(super) mod secrets;
