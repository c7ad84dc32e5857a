//! Maximum lengths of texts that are in an index.

use crate::{
    cell::Rule,
    model::{Field, FieldKind, Model},
    name::FieldName,
};

/// Maximum bytes of all texts in one entry of an index. It is the same on every database, so that a tenant can move to
/// any of them. PostgreSQL accepts 2,704 bytes for an entry with its other columns.
const TEXT_BYTES: usize = 2_400;

/// Returns the maximum bytes of a text in the field, if the field is in an index; `None` otherwise.
pub(crate) fn most_bytes(model: &Model, field: &Field) -> Option<usize> {
    if !is_text(field) {
        return None;
    }
    let texts = |names: &[FieldName]| {
        names.iter().filter_map(|name| model.field(name.as_str())).filter(|field| is_text(field)).count()
    };
    let own = field.has_index().then_some(1);
    let several = model.indexes.iter().filter(|index| index.fields.contains(&field.name));
    own.into_iter()
        .chain(several.map(|index| texts(&index.fields)))
        .max()
        .map(|texts| TEXT_BYTES / texts.max(1))
}

fn is_text(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Text { .. } | FieldKind::Choice { .. })
}

/// Checks the length of a text, in bytes.
///
/// # Errors
/// Returns the rule that the text breaks.
pub(crate) fn check_bytes(bytes: usize, most: Option<usize>) -> Result<(), Rule> {
    match most {
        Some(most) if bytes > most => {
            Err(format!("must have at most {most} bytes in UTF-8, because it is in an index").into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Index, Scope, Source, load},
        name::AppName,
    };

    #[test]
    fn the_texts_of_an_index_share_what_an_entry_takes() {
        let text = "store = \"tenant\"
            [fields.code]\ntype = \"text\"\nunique = true
            [fields.name]\ntype = \"text\"
            [fields.note]\ntype = \"text\"
            [fields.day]\ntype = \"date\"\nindex = true
            [[indexes]]\nfields = [\"name\", \"day\", \"code\"]";
        let (app, name) = (AppName::parse("clinic").unwrap(), "visits");
        let models = load(&[Source { app, name, file: "m.toml", text }], &|_| Some(Scope::Tenant)).unwrap();
        let model = &models[0];
        let most = |field| most_bytes(model, model.field(field).unwrap());
        assert_eq!(
            [most("code"), most("name"), most("note"), most("day")],
            [Some(1_200), Some(1_200), None, None]
        );
        let alone = Model { indexes: Vec::<Index>::new(), ..model.clone() };
        assert_eq!(most_bytes(&alone, alone.field("code").unwrap()), Some(2_400));
        assert!(check_bytes(2_401, Some(2_400)).is_err() && check_bytes(2_400, Some(2_400)).is_ok());
    }
}
