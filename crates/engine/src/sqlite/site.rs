//! Sites of places: a place's file, and how to open it.

use super::connection::Mode;
use crate::{identity::Platform, place::Place};
use std::path::PathBuf;

/// A place, with everything that is needed to open its database.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) path: PathBuf,
    pub(crate) place: Place,
    pub(crate) platform: Platform,
    pub(crate) mode: Mode,
}
