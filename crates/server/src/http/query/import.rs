//! Parses the query string of a CSV import: `?columns=last_name,first_name,,city.name&encoding=windows-1251&dry_run=true`.
//!
//! Used by the record routes and by the pages of an import.

use super::{boolean, pairs::pairs, refused};
use crate::http::problem::{FieldProblem, Result};
use tenantry::records::{DateOrder, DecimalMark, FileEncoding, ImportKey, ImportOptions, Separator};

const WORDS: &str = "dry_run, columns, encoding, separator, dates, decimals, report, once";

/// The choices of an import's query string.
#[derive(Debug, Default)]
pub(in crate::http) struct Import {
    /// How the file is read.
    pub(in crate::http) options: ImportOptions,
    /// Check everything and write nothing.
    pub(in crate::http) dry_run: bool,
}

/// Parses the query string of an import.
///
/// # Errors
/// Returns a problem that names all invalid parameters.
pub(in crate::http) fn import(query: &str) -> Result<Import> {
    let (mut asked, mut wrong) = (Import::default(), vec![]);
    for pair in pairs(query) {
        let read = match &pair {
            Ok((name, value)) => word(&mut asked, name, value),
            Err(message) => Err((*message).to_owned()),
        };
        if let Err(message) = read {
            let name = pair.map_or_else(|_| "query".to_owned(), |(name, _)| name.chars().take(80).collect());
            wrong.push(FieldProblem::new(name, message));
        }
    }
    if wrong.is_empty() { Ok(asked) } else { Err(refused(wrong)) }
}

fn word(asked: &mut Import, name: &str, value: &str) -> Result<(), String> {
    let reason = |error: tenantry::Error| error.reason();
    match name {
        "dry_run" => asked.dry_run = boolean(value)?,
        "columns" => asked.options.columns = Some(value.split(',').map(str::to_owned).collect()),
        "encoding" => asked.options.encoding = FileEncoding::parse(value).map_err(reason)?,
        "separator" => asked.options.separator = Some(Separator::parse(value).map_err(reason)?),
        "once" => asked.options.once = Some(ImportKey::parse(value).map_err(reason)?),
        "dates" => asked.options.dates = Some(DateOrder::parse(value).map_err(reason)?),
        "decimals" => asked.options.decimals = Some(DecimalMark::parse(value).map_err(reason)?),
        "report" => match value {
            "csv" => asked.options.keep_refused = true,
            "json" => asked.options.keep_refused = false,
            _ => return Err("json or csv".to_owned()),
        },
        _ => return Err(format!("is no parameter here; there are: {WORDS}")),
    }
    Ok(())
}
