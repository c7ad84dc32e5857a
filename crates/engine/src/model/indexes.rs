//! Parses `[[indexes]]` of a model and checks that their fields exist and that no index is declared twice. `parse`
//! calls it; migrations use it to parse single tables.

use super::{
    Field, FieldKind, Index,
    problem::Sink,
    reader::{At, Section},
};
use crate::name::FieldName;

/// Columns that every model has.
const IMPLICIT: [&str; 4] = ["id", "created_at", "updated_at", "version"];

/// Parses all index tables of a model with these fields.
pub(super) fn indexes(sink: &mut Sink, root: &mut Section<'_>, fields: &[Field]) -> Vec<Index> {
    let mut out: Vec<Index> = Vec::new();
    for table in root.sections(sink, "indexes") {
        let at = table.at;
        let Some((index, names)) = index(sink, table) else { continue };
        for name in names {
            match fields.iter().find(|f| f.name == name.value) {
                Some(f) if matches!(f.kind, FieldKind::Json | FieldKind::Custom | FieldKind::File { .. }) => {
                    sink.add(
                        name.at,
                        format!("index: `{}` is json or a file, which cannot be indexed", f.name),
                    );
                }
                None if !IMPLICIT.contains(&name.value.as_str()) => {
                    sink.add(name.at, format!("index: there is no field `{}`", name.value));
                }
                _ => {}
            }
        }
        let stem = index.stem();
        let own =
            fields.iter().find(|f| f.name.as_str() == stem && f.has_index() && f.unique == index.unique);
        let other = out.iter().find(|o| o.stem() == stem && o.unique == index.unique);
        match (own, other) {
            (Some(f), _) => {
                sink.add(at, format!("clashes with the index that field `{}` has of its own", f.name))
            }
            (None, Some(_)) => {
                sink.add(at, "an index of this name (its fields joined by _) is declared already")
            }
            (None, None) => {}
        }
        out.push(index);
    }
    out
}

/// Parses one index table. Migrations use it as well.
pub(crate) fn index(sink: &mut Sink, mut table: Section<'_>) -> Option<(Index, Vec<At<FieldName>>)> {
    let at = table.at;
    let names = table.list::<FieldName>(sink, "fields").unwrap_or_default();
    let unique = table.flag(sink, "unique");
    table.finish(sink, "fields, unique");
    if names.is_empty() {
        sink.add(at, "an index needs `fields = [\"…\"]`");
        return None;
    }
    for (i, name) in names.iter().enumerate() {
        if names[..i].iter().any(|n| n.value == name.value) {
            sink.add(name.at, format!("`{}` is twice in this index", name.value));
        }
    }
    Some((Index { fields: names.iter().map(|n| n.value.clone()).collect(), unique }, names))
}
