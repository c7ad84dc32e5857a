//! Translates filters to MongoDB's filter documents. [`crate::list::filter`] defines their meaning. MongoDB's operators
//! have the same meaning: they compare only values of the same type, and `$ne` matches documents that lack the field.

use super::Layout;
use crate::{
    error::{Error, Result},
    list::filter::{Sign, Test, check_size, members, test},
    query::Filter,
};
use mongodb::bson::{
    Bson, Document, Regex, doc,
    raw::{CString, cstr},
};

/// Returns the filter as a MongoDB filter document.
///
/// # Errors
/// Returns `Invalid` if the filter is not allowed.
pub(super) fn write(layout: &Layout<'_>, filter: &Filter) -> Result<Document> {
    check_size(filter)?;
    node(layout, filter)
}

/// Reason for refusing conditions and sort keys that follow references.
pub(super) const NO_REFERENCES: &str =
    "is in other records of this MongoDB place, whose references are not followed: ask for their ids first";

/// Returns a filter that matches no document.
pub(super) fn never() -> Document {
    doc! { "_id": { "$in": [] } }
}

fn node(layout: &Layout<'_>, filter: &Filter) -> Result<Document> {
    let each = |list: &[Filter]| list.iter().map(|inner| node(layout, inner)).collect::<Result<Vec<_>>>();
    Ok(match filter {
        Filter::All(list) if list.is_empty() => doc! {},
        Filter::All(list) => doc! { "$and": each(list)? },
        Filter::Any(list) if list.is_empty() => never(),
        Filter::Any(list) => doc! { "$or": each(list)? },
        Filter::Not(inner) => doc! { "$nor": [node(layout, inner)?] },
        Filter::Through(field, _) => return Err(Error::invalid(field.as_str(), NO_REFERENCES)),
        Filter::Null(field, null) => {
            let (position, _) = layout.plan.require(field.as_str())?;
            single(layout, position, Test::Null(*null))?
        }
        Filter::In(field, values) => {
            let (position, column) = layout.plan.require(field.as_str())?;
            let (members, null) = members(column, values)?;
            let members = members.iter().map(|value| layout.bson(position, value));
            let mut all = members.collect::<Result<Vec<_>>>()?;
            all.extend(null.then_some(Bson::Null));
            doc! { layout.name(position): { "$in": all } }
        }
        Filter::Compare(field, operator, value) => {
            let (position, column) = layout.plan.require(field.as_str())?;
            single(layout, position, test(column, *operator, value)?)?
        }
    })
}

fn single(layout: &Layout<'_>, position: usize, test: Test<'_>) -> Result<Document> {
    let condition = match test {
        Test::Never => return Ok(never()),
        Test::Always => return Ok(doc! {}),
        Test::Null(true) => doc! { "$eq": Bson::Null },
        Test::Null(false) => doc! { "$ne": Bson::Null },
        Test::Compare(sign, value) => doc! { operator(sign): layout.bson(position, &value)? },
        Test::Contains(needle) => doc! { "$regex": pattern("", needle) },
        Test::StartsWith(needle) => doc! { "$regex": pattern("^", needle) },
    };
    Ok(doc! { layout.name(position): condition })
}

fn operator(sign: Sign) -> &'static str {
    match sign {
        Sign::Eq => "$eq",
        Sign::Ne => "$ne",
        Sign::Lt => "$lt",
        Sign::Le => "$lte",
        Sign::Gt => "$gt",
        Sign::Ge => "$gte",
    }
}

/// Returns the pattern `begin` followed by the text `needle`, which ignores the case of ASCII letters. The option `i`
/// would also ignore the case of other letters.
fn pattern(begin: &str, needle: &str) -> Bson {
    let mut text = String::from(begin);
    for character in needle.chars() {
        if character.is_ascii_alphabetic() {
            text.extend(['[', character.to_ascii_lowercase(), character.to_ascii_uppercase(), ']']);
        } else {
            escape(&mut text, character);
        }
    }
    regex(text)
}

/// Appends a character to a pattern, escaped so that it matches only itself.
pub(super) fn escape(pattern: &mut String, character: char) {
    if character.is_ascii() && !character.is_ascii_alphanumeric() {
        pattern.push('\\');
    }
    pattern.push(character);
}

/// Returns a pattern without options.
pub(super) fn regex(pattern: String) -> Bson {
    // A user's text has no NUL, because earlier checks refuse it.
    match CString::try_from(pattern) {
        Ok(pattern) => Bson::RegularExpression(Regex { pattern, options: cstr!("").into() }),
        Err(_) => Bson::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_stands_for_itself_and_letters_for_both_cases() {
        let text = |needle| match pattern("^", needle) {
            Bson::RegularExpression(regex) => regex.pattern.as_str().to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text("a.*é1 $"), "^[aA]\\.\\*é1\\ \\$");
        assert_eq!(text(""), "^");
    }
}
