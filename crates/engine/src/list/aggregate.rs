//! Checks of aggregates and the meaning of their results, common to all databases.

use super::LIMIT_MAX;
use crate::{
    cell::Storage,
    error::{Error, Kind, Result},
    name::FieldName,
    query::{Aggregate, Function, Group, GroupKey, Groups, Measure, Period},
    schema::Plan,
    value::Value,
};
use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy};

/// Maximum number of keys.
const KEYS_MAX: usize = 3;
/// Maximum number of measures.
const MEASURES_MAX: usize = 20;
/// Number of decimals that an average has beyond those of its field.
const AVERAGE_DECIMALS: u32 = 4;

/// An aggregate that has passed the checks.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) keys: Vec<Key>,
    /// IANA name of a time zone, of letters that need no quotes in a statement.
    pub(crate) time_zone: Option<String>,
    pub(crate) measures: Vec<Computed>,
}

/// A key, as a column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) position: usize,
    pub(crate) period: Option<Period>,
    /// Storage of the key's values.
    pub(crate) storage: Storage,
}

/// A measure, as a column.
#[derive(Debug)]
pub(crate) struct Computed {
    pub(crate) position: usize,
    pub(crate) function: Function,
    /// Storage of the column.
    pub(crate) storage: Storage,
    field: FieldName,
}

impl Checked {
    /// Checks an aggregate.
    ///
    /// # Errors
    /// Returns `Invalid` for a field, period or function that does not fit, and for too many keys, measures or groups.
    pub(crate) fn new(plan: &Plan, asked: &Aggregate) -> Result<Self> {
        if !(1..=LIMIT_MAX).contains(&asked.limit) {
            return Err(Error::invalid("limit", format!("must be from 1 to {LIMIT_MAX}")));
        }
        if asked.group_by.len() > KEYS_MAX {
            return Err(Error::invalid("group_by", format!("must have at most {KEYS_MAX} keys")));
        }
        if asked.measures.len() > MEASURES_MAX {
            return Err(Error::invalid("measures", format!("must be at most {MEASURES_MAX}")));
        }
        if let Some(name) = &asked.time_zone {
            check_zone(name)?;
        }
        Ok(Self {
            time_zone: asked.time_zone.clone(),
            keys: asked.group_by.iter().map(|key| Key::new(plan, key)).collect::<Result<_>>()?,
            measures: asked.measures.iter().map(|m| Computed::new(plan, m)).collect::<Result<_>>()?,
        })
    }

    /// Returns the groups in the rows that were read. One row more than the limit shows that there are more groups.
    pub(crate) fn groups(mut rows: Vec<Group>, limit: u32) -> Groups {
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Groups { groups: rows, more }
    }
}

/// Refuses what is no time zone. A name is a part of a statement, so its letters are checked too.
fn check_zone(name: &str) -> Result<()> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/_+-".contains(letter);
    match name.chars().all(is_plain) && TimeZone::get(name).is_ok() {
        true => Ok(()),
        false => Err(Error::invalid("time_zone", "must be the name of a time zone such as Asia/Baku")),
    }
}

impl Key {
    fn new(plan: &Plan, key: &GroupKey) -> Result<Self> {
        let (position, column) = plan.require(key.field.as_str())?;
        let refuse = |rule: &str| Err(Error::invalid(key.field.as_str(), rule));
        let storage = match (column.storage, key.period) {
            (Storage::Json, _) => return refuse("is JSON, which is not compared"),
            (_, None) => column.compared(),
            (_, Some(_)) if plan.custom_at(position).is_some() => {
                return refuse("is a custom field, which has no periods: group by its days");
            }
            (Storage::Date | Storage::Datetime, Some(_)) => Storage::Date,
            (_, Some(_)) => return refuse("is no date, so it has no periods"),
        };
        Ok(Self { position, period: key.period, storage })
    }
}

impl Computed {
    fn new(plan: &Plan, measure: &Measure) -> Result<Self> {
        let (position, column) = plan.require(measure.field.as_str())?;
        let (storage, function) = (column.compared(), measure.function);
        let refuse = |rule: &str| Err(Error::invalid(measure.field.as_str(), rule));
        match (function, storage) {
            (_, Storage::Integer | Storage::Decimal(_))
            | (Function::Min | Function::Max, Storage::Text | Storage::Date | Storage::Datetime) => {}
            (Function::Sum | Function::Average, _) => return refuse("is no number, so it has no sum"),
            (Function::Min | Function::Max, _) => return refuse("has no smallest and largest value"),
        }
        Ok(Self { position, function, storage, field: measure.field.clone() })
    }

    /// Returns the number of decimals of the column.
    fn scale(&self) -> u32 {
        match self.storage {
            Storage::Decimal(scale) => scale,
            _ => 0,
        }
    }

    /// Returns the result of a sum or an average, from the sum of the values and their number.
    ///
    /// # Errors
    /// Returns `Invalid` for a sum of integers that needs more than 64 bits.
    pub(crate) fn result(&self, sum: Option<Decimal>, number: i64) -> Result<Value> {
        let Some(sum) = sum else { return Ok(Value::Null) };
        if self.function == Function::Average {
            return self.mean(sum, number);
        }
        match self.storage {
            Storage::Integer => match i64::try_from(sum) {
                Ok(sum) => Ok(Value::Integer(sum)),
                Err(_) => Err(Error::invalid(self.field.as_str(), "has a sum of more than 64 bits")),
            },
            _ => Ok(Value::Decimal(rescaled(sum, self.scale()))),
        }
    }

    fn mean(&self, sum: Decimal, number: i64) -> Result<Value> {
        let mean = mean(sum, number, self.scale());
        Ok(Value::Decimal(mean.ok_or_else(|| Error::new(Kind::Corrupt, "a sum of no values"))?))
    }
}

/// Returns the average of numbers with `scale` decimals, from their sum and their number; `None` without numbers. An
/// average has four decimals more than the numbers.
pub fn mean(sum: Decimal, number: i64, scale: u32) -> Option<Decimal> {
    let decimals = scale + AVERAGE_DECIMALS;
    let mean = sum.checked_div(number.into())?;
    Some(rescaled(mean.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero), decimals))
}

/// Returns the number with this many decimals, so that its text does not depend on the database that computed it.
fn rescaled(mut number: Decimal, scale: u32) -> Decimal {
    number.rescale(scale);
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn computed(function: Function, storage: Storage) -> Computed {
        Computed { position: 0, function, storage, field: FieldName::parse("field").unwrap() }
    }

    #[test]
    fn a_sum_of_integers_fits_64_bits_or_is_refused() {
        let sum = computed(Function::Sum, Storage::Integer);
        let most = Decimal::from(i64::MAX);
        assert_eq!(sum.result(Some(most), 2).unwrap(), Value::Integer(i64::MAX));
        assert!(matches!(sum.result(Some(most + Decimal::ONE), 2).unwrap_err().kind(), Kind::Invalid(..)));
        assert_eq!(sum.result(None, 0).unwrap(), Value::Null);
    }

    #[test]
    fn an_average_has_four_decimals_more_than_its_field() {
        let result = |storage, sum: i64, scale, number| {
            let value = computed(Function::Average, storage).result(Some(Decimal::new(sum, scale)), number);
            let Value::Decimal(mean) = value.unwrap() else { panic!("no decimal") };
            mean.to_string()
        };
        assert_eq!(result(Storage::Integer, 2, 0, 3), "0.6667");
        assert_eq!(result(Storage::Integer, -4, 0, 2), "-2.0000");
        assert_eq!(result(Storage::Decimal(2), 1, 2, 32_000_000), "0.000000");
        assert_eq!(result(Storage::Decimal(2), -5, 2, 10_000), "-0.000005");
        assert_eq!(result(Storage::Decimal(2), 5, 3, 1000), "0.000005");
    }
}
