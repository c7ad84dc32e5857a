//! Verbs that PostgreSQL does not have yet. Each is removed from here once it has it; no configuration names such a
//! server before all are gone.
#![allow(clippy::unused_async, unused_variables, reason = "see above")]

use super::Server;
use crate::{
    error::{Error, Kind, Result},
    place::Place,
    schema::Script,
};
use std::{sync::Arc, time::Duration};

fn missing<T>() -> Result<T> {
    Err(Error::new(Kind::Internal, "not on PostgreSQL yet"))
}

impl Server {
    pub(crate) async fn operator_repair(
        &self,
        place: &Place,
        script: &Arc<Script>,
        text: &str,
        limit: Duration,
    ) -> Result<Option<u64>> {
        missing()
    }
}
