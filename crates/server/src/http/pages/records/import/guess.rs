//! Guesses how to read a file: its encoding from its bytes, and the field of each column from the column's name and
//! values. The visitor sees every guess and can change it.

use super::super::{Place, field_of};
use crate::http::pages::words::Words;
use std::collections::HashSet;
use tenantry::{
    model::{Field, FieldKind, Model},
    records::{CsvHead, FileEncoding},
};
use tenantry_console::records::Choice;

/// Guesses the encoding of a file.
pub(super) fn encoding(bytes: &[u8]) -> FileEncoding {
    let has_mark = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if has_mark || str::from_utf8(bytes).is_ok() {
        return FileEncoding::Unicode;
    }
    // Cyrillic words consist of high bytes. In Latin text a high byte stands between ASCII letters.
    let (mut among_high, mut among_ascii) = (0_usize, 0_usize);
    for pair in bytes.windows(2) {
        match (pair[0] >= 0xc0, pair[1] >= 0xc0) {
            (true, true) => among_high += 1,
            (true, false) if pair[1].is_ascii_alphabetic() => among_ascii += 1,
            (false, true) if pair[0].is_ascii_alphabetic() => among_ascii += 1,
            _ => {}
        }
    }
    if among_high > among_ascii { FileEncoding::Windows1251 } else { FileEncoding::Windows1254 }
}

/// A field that a column can set, as the import names it, and its label.
pub(super) struct Target {
    pub(super) name: String,
    pub(super) label: String,
    field: String,
    /// Label of the field.
    plain: String,
    is_required: bool,
    /// Other texts that a column can have as its name.
    also: Vec<String>,
}

/// Returns the fields that columns can set.
pub(super) fn targets(place: &Place<'_>) -> Vec<Target> {
    let (mut found, words) = (vec![], place.words());
    for field in place.model.fields.iter().filter(|field| !matches!(field.kind, FieldKind::File { .. })) {
        let is_required = field.required && field.default.is_none();
        let target = |name: String, label: String, also: Vec<String>| Target {
            plain: field.label.clone(),
            name,
            label,
            field: field.name.to_string(),
            is_required,
            also,
        };
        let FieldKind::Ref { .. } = field.kind else {
            found.push(target(field.name.to_string(), field.label.clone(), vec![field.label.clone()]));
            continue;
        };
        for by in place.target(field).into_iter().flat_map(|model| names_of(model)) {
            let also = vec![format!("{} {}", field.label, by.label), format!("{} {}", field.name, by.name)];
            let label = words.text("import-by").with("field", &field.label).with("by", &by.label).into();
            found.push(target(format!("{}.{}", field.name, by.name), label, also));
        }
        found.push(target(
            field.name.to_string(),
            words.text("import-by-number").with("field", &field.label).into(),
            vec![field.label.clone()],
        ));
    }
    found.push(Target {
        name: "id".to_owned(),
        label: words.say("import-number").to_owned(),
        field: "id".to_owned(),
        plain: String::new(),
        is_required: false,
        also: vec!["No.".to_owned(), words.say("field-number").to_owned()],
    });
    found
}

/// Returns the fields by which an import can name the records of a model, the `display` field first.
fn names_of(model: &Model) -> Vec<&Field> {
    let is_display = |field: &&Field| model.display.as_ref() == Some(&field.name);
    let fits = |field: &&Field| {
        (field.unique || is_display(field))
            && matches!(field.kind, FieldKind::Text { .. } | FieldKind::Integer { .. })
    };
    let mut found: Vec<_> = model.fields.iter().filter(fits).collect();
    found.sort_by_key(|field| !is_display(field));
    found
}

/// Returns the names of required fields that no column sets.
pub(super) fn missing(targets: &[Target], chosen: &[String]) -> Vec<String> {
    let is_set = |field: &str| chosen.iter().any(|name| field_of(name) == field);
    let mut found: Vec<String> = vec![];
    for target in targets.iter().filter(|target| target.is_required && !is_set(&target.field)) {
        if !found.contains(&target.plain) {
            found.push(target.plain.clone());
        }
    }
    found
}

/// Guesses the target of each column, in their order; empty for none. No field is set twice.
pub(super) fn columns(targets: &[Target], head: &CsvHead) -> Vec<String> {
    let mut taken = HashSet::new();
    let guess = |(index, name): (usize, &String)| {
        let wanted = plain(name);
        let fits = |target: &&Target| {
            !wanted.is_empty()
                && (plain(&target.name) == wanted || target.also.iter().any(|text| plain(text) == wanted))
        };
        let target = targets.iter().find(fits)?;
        let target = by_values(targets, target, head, index);
        taken.insert(target.field.clone()).then(|| target.name.clone())
    };
    head.names.iter().enumerate().map(guess).map(Option::unwrap_or_default).collect()
}

/// Names a reference by the other record's name if the cells are not ids.
fn by_values<'t>(targets: &'t [Target], target: &'t Target, head: &CsvHead, index: usize) -> &'t Target {
    let is_id = |cell: &str| cell.parse::<i64>().is_ok() || tenantry::Uuid::try_parse(cell).is_ok();
    let mut cells = head.rows.iter().filter_map(|row| row.get(index)).filter(|cell| !cell.trim().is_empty());
    let prefix = format!("{}.", target.name);
    match cells.any(|cell| !is_id(cell.trim())) {
        true => targets.iter().find(|other| other.name.starts_with(&prefix)).unwrap_or(target),
        false => target,
    }
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns the choices of a column.
pub(super) fn options(words: &Words, targets: &[Target], chosen: &str) -> Vec<Choice> {
    let choice = |target: &Target| Choice {
        value: target.name.clone(),
        label: match target.is_required {
            true => words.text("import-required").with("label", &target.label).into(),
            false => target.label.clone(),
        },
        chosen: target.name == chosen,
    };
    targets.iter().map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encodings_of_spreadsheets_are_told_apart() {
        let cyrillic = [0xcc, 0xee, 0xf1, 0xea, 0xe2, 0xe0, b';', 0xca, 0xe8, 0xe5, 0xe2];
        let turkish = *b"Ba\xf0c\xfdlar;G\xfcne\xfe;Xank\xe6ndi";
        for (bytes, wanted) in [
            (&b"name;city\nAnn;Baku"[..], FileEncoding::Unicode),
            ("Şəki;Gəncə".as_bytes(), FileEncoding::Unicode),
            (b"\xff\xfeA\0", FileEncoding::Unicode),
            (&cyrillic, FileEncoding::Windows1251),
            (&turkish, FileEncoding::Windows1254),
        ] {
            assert_eq!(encoding(bytes), wanted, "{bytes:x?}");
        }
    }
}
