//! The start of the next page of a list: the sort values of the last row of the previous page.

use super::SortKey;
use crate::{
    cell::{Stored, stored},
    error::{Error, Result},
    value::Value,
};

/// Returns the sort values of a cursor in their stored form.
///
/// # Errors
/// Returns `Invalid` if they cannot be the values of a row in this order.
pub(crate) fn cursor(order: &[SortKey], after: &[Value]) -> Result<Vec<Stored<'static>>> {
    let stranger = || Error::invalid("after", "does not belong to this list");
    if after.len() != order.len() {
        return Err(stranger());
    }
    let values = order.iter().zip(after).map(|(key, value)| {
        let stored = stored(key.storage, value);
        stored.map(Stored::into_owned).map_err(|_| stranger())
    });
    values.collect()
}
