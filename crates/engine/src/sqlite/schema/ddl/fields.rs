//! Steps for changes to one field: in place where SQLite can, otherwise by a rebuild of the table.

use super::{
    convert::{Converted, convert, statement},
    literal,
    ops::{Step, Steps, duplicates},
    quoted,
    rebuild::rebuild,
    table::Layout,
};
use crate::{
    error::Result,
    migration::fill_value,
    model::{Field, Index, Model},
    name::FieldName,
    place::Isolation,
};
use serde_json::Value as Json;

pub(super) fn add_field(
    out: &mut Steps,
    old: &Layout<'_>,
    new: &Layout<'_>,
    field: &Field,
    fill: Option<&Json>,
) -> Result<()> {
    let table = new.model.name.as_str();
    let in_constraint = new.isolation == Isolation::Pooled && new.target(&field.kind)?.is_some();
    let in_place = fill.is_none() && !in_constraint && (!field.required || field.default.is_some());
    if !in_place {
        let filled = match fill {
            Some(json) => Some(
                fill_value(&field.kind, json)
                    .map_err(|e| statement(format!("{table}.{}: {e}", field.name)))?,
            ),
            None => field.default_value(),
        };
        if field.required && filled.is_none() {
            out.list.push(Step::Refuse {
                count: format!("SELECT count(*) FROM {}", quoted(table)),
                rows: None,
                message: format!("rows of `{table}` would have no `{}`, which is required", field.name),
            });
        }
        let value = filled.map_or("NULL".to_owned(), |v| literal(&field.kind, &v));
        let of = |column: &str| if column == field.name.as_str() { value.clone() } else { quoted(column) };
        out.sql(rebuild(old, new, &of)?);
        out.references |= new.target(&field.kind)?.is_some();
        return Ok(());
    }
    out.sql([format!("ALTER TABLE {} ADD COLUMN {}", quoted(table), new.column(field)?)]);
    out.sql(new.field_index(field));
    if field.search {
        renew_fts(out, old, new);
    }
    Ok(())
}

fn renew_fts(out: &mut Steps, old: &Layout<'_>, new: &Layout<'_>) {
    out.sql(old.drop_fts());
    make_fts(out, new);
}

fn make_fts(out: &mut Steps, new: &Layout<'_>) {
    out.sql(new.fts());
    out.sql(new.fill_fts());
}

pub(super) fn alter_field(
    out: &mut Steps,
    old: &Layout<'_>,
    new: &Layout<'_>,
    field: &Field,
    fill: Option<&Json>,
) -> Result<()> {
    let table = new.model.name.as_str();
    let name = field.name.as_str();
    let was =
        old.model.field(name).ok_or_else(|| statement(format!("there is no field `{table}.{name}`")))?;
    let Converted { expr, checks } = convert(old, new, was, field, fill)?;
    out.list.extend(checks);
    if field.unique && !was.unique {
        out.list.extend(duplicates(new, &Index { fields: vec![field.name.clone()], unique: true }));
    }
    let same_target = old.target(&was.kind)?.map(|m| &m.name) == new.target(&field.kind)?.map(|m| &m.name);
    if same_target && expr == quoted(name) && old.column(was)? == new.column(field)? {
        alter_around(out, old, new, was, field);
        return Ok(());
    }
    let of = |column: &str| if column == name { expr.clone() } else { quoted(column) };
    out.sql(rebuild(old, new, &of)?);
    out.references |= new.target(&field.kind)?.is_some();
    Ok(())
}

/// Adds the steps for a field whose column stays unchanged: only its index or its part in the search changes.
fn alter_around(out: &mut Steps, old: &Layout<'_>, new: &Layout<'_>, was: &Field, field: &Field) {
    if old.field_index(was) != new.field_index(field) {
        out.sql(old.drop_field_index(was));
        out.sql(new.field_index(field));
    }
    if was.search != field.search {
        renew_fts(out, old, new);
    }
}

pub(super) fn rename_field(
    out: &mut Steps,
    old: &Layout<'_>,
    new: &Layout<'_>,
    from: &FieldName,
    to: &FieldName,
) {
    let searched = new.model.field(to.as_str()).is_some_and(|f| f.search);
    if searched {
        out.sql(old.drop_fts());
    }
    let touched = |model: &Model, name: &FieldName| -> Vec<Index> {
        model.indexes.iter().filter(|i| i.fields.contains(name)).cloned().collect()
    };
    out.sql(old.model.field(from.as_str()).and_then(|f| old.drop_field_index(f)));
    out.sql(touched(old.model, from).iter().map(|i| old.drop_index(i)));
    let table = quoted(new.model.name.as_str());
    let (old_name, new_name) = (quoted(from.as_str()), quoted(to.as_str()));
    out.sql([format!("ALTER TABLE {table} RENAME COLUMN {old_name} TO {new_name}")]);
    out.sql(new.model.field(to.as_str()).and_then(|f| new.field_index(f)));
    out.sql(touched(new.model, to).iter().map(|i| new.create_index(i)));
    if searched {
        make_fts(out, new);
    }
}

pub(super) fn drop_field(
    out: &mut Steps,
    old: &Layout<'_>,
    new: &Layout<'_>,
    name: &FieldName,
) -> Result<()> {
    let Some(field) = old.model.field(name.as_str()) else { return Ok(()) };
    if old.target(&field.kind)?.is_some() {
        out.sql(rebuild(old, new, &quoted)?);
        return Ok(());
    }
    if field.search {
        out.sql(old.drop_fts());
    }
    out.sql(old.drop_field_index(field));
    let table = quoted(new.model.name.as_str());
    out.sql([format!("ALTER TABLE {table} DROP COLUMN {}", quoted(name.as_str()))]);
    if field.search {
        make_fts(out, new);
    }
    Ok(())
}
