//! Parses the URL of an aggregate: `?group_by=city,created_at__month&sum=fee&status=active&sort=-count`.

use super::{
    Takes, limit, parameters,
    path::{Models, TIME_ZONE, Zoned, check_zone},
    refused, searched, text,
};
use crate::http::problem::Result;
use tenantry::{
    model::Model,
    query::{Aggregate, Function, GroupKey, GroupOrder, Measure, Period},
};

const AGGREGATE: Takes = Takes {
    words: &["group_by", "sum", "avg", "min", "max", "sort", "limit", "q", TIME_ZONE],
    filters: true,
};

/// Aggregate functions, by the names of their parameters.
pub(in crate::http) const FUNCTIONS: [(&str, Function); 4] =
    [("sum", Function::Sum), ("avg", Function::Average), ("min", Function::Min), ("max", Function::Max)];
/// Periods, by the suffix of a parameter on a date or an instant.
pub(in crate::http) const PERIODS: [(&str, Period); 4] =
    [("year", Period::Year), ("quarter", Period::Quarter), ("month", Period::Month), ("day", Period::Day)];

/// Parses the query string (without `?`) of an aggregate of the listed model.
///
/// # Errors
/// Returns a problem that names all invalid parameters.
pub fn aggregate(models: &dyn Models, query: &str) -> Result<Aggregate> {
    let zoned = Zoned::of(models, query);
    let models: &dyn Models = &zoned;
    let (mut asked, model) = (Aggregate::default(), models.listed());
    let zone = models.time_zone();
    asked.time_zone = zone.iana_name().filter(|name| *name != "UTC").map(str::to_owned);
    let (filter, wrong) =
        parameters(models, query, AGGREGATE, |name, value| word(model, &mut asked, name, value));
    asked.filter = filter;
    if wrong.is_empty() { Ok(asked) } else { Err(refused(wrong)) }
}

fn word(model: &Model, asked: &mut Aggregate, name: &str, value: &str) -> Result<(), String> {
    match name {
        "group_by" => {
            asked.group_by = value.split(',').map(|key| group_key(model, key)).collect::<Result<_, _>>()?;
        }
        "sort" if value == "-count" => asked.order = GroupOrder::Largest,
        "sort" => return Err("only -count; otherwise groups are sorted by their keys".into()),
        "limit" => asked.limit = limit(value)?,
        "q" => asked.search = searched(model, value)?,
        TIME_ZONE => check_zone(value)?,
        function => {
            let function =
                FUNCTIONS.iter().find(|(name, _)| *name == function).map(|(_, function)| *function);
            for name in value.split(',') {
                let (field, _) = text::column(model, name)?;
                asked.measures.extend(function.map(|function| Measure { function, field }));
            }
        }
    }
    Ok(())
}

fn group_key(model: &Model, key: &str) -> Result<GroupKey, String> {
    let (name, suffix) = match key.split_once("__") {
        Some((name, suffix)) => (name, Some(suffix)),
        None => (key, None),
    };
    let (field, _) = text::column(model, name)?;
    let period = match suffix {
        None => None,
        Some(suffix) => match PERIODS.iter().find(|(name, _)| *name == suffix) {
            Some((_, period)) => Some(*period),
            None => {
                let names = PERIODS.map(|(name, _)| name).join(", ");
                return Err(format!("no period {}; there are: {names}", text::quoted(suffix)));
            }
        },
    };
    Ok(GroupKey { field, period })
}

/// Returns the name of a key in the answer. It is the same as in the URL.
pub(in crate::http) fn name_of(key: &GroupKey) -> String {
    match key.period.and_then(|period| PERIODS.iter().find(|(_, known)| *known == period)) {
        Some((suffix, _)) => format!("{}__{suffix}", key.field),
        None => key.field.to_string(),
    }
}
