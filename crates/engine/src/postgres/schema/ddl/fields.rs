//! Steps for changes to one field. PostgreSQL changes a table in place.

use super::{
    Layout, Step, Steps,
    convert::{Converted, convert},
    literal,
    ops::duplicates,
    quoted, statement,
    table::search_column,
};
use crate::{
    error::Result,
    migration::fill_value,
    model::{Field, Index, Model},
    name::FieldName,
    postgres::{cells::column_type, schema::names, search::COLUMN},
};
use serde_json::Value as Json;

pub(super) fn add_field(
    out: &mut Steps,
    old: &Layout<'_>,
    new: &Layout<'_>,
    field: &Field,
    fill: Option<&Json>,
) -> Result<()> {
    let (table, name) = (&new.model.name, quoted(field.name.as_str()));
    let default = new.default(field)?;
    let filled = match fill {
        Some(json) => {
            let value = fill_value(&field.kind, json)
                .map_err(|why| statement(format!("{table}.{}: {why}", field.name)))?;
            Some(literal(new.storage(&field.kind)?, &value)?)
        }
        None => default.clone(),
    };
    if field.required && filled.is_none() {
        out.list.push(Step::Refuse {
            count: format!("SELECT count(*) FROM {}", new.table()),
            rows: None,
            message: format!("rows of `{table}` would have no `{}`, which is required", field.name),
        });
    }
    let mut column = format!("{name} {}", column_type(new.storage(&field.kind)?));
    if field.required {
        column.push_str(" NOT NULL");
    }
    // Existing rows get this default when the column is added, without a rewrite.
    if let Some(filled) = &filled {
        column.push_str(&format!(" DEFAULT {filled}"));
    }
    out.sql([format!("ALTER TABLE {} ADD COLUMN {column}", new.table())]);
    if filled != default {
        set_default(out, new, field, default.as_deref());
    }
    out.sql(new.add_reference(field)?);
    out.sql(new.field_index(field));
    if field.search {
        search_again(out, old, new);
    }
    Ok(())
}

fn set_default(out: &mut Steps, layout: &Layout<'_>, field: &Field, default: Option<&str>) {
    let change = match default {
        Some(default) => format!("SET DEFAULT {default}"),
        None => "DROP DEFAULT".into(),
    };
    out.sql([alter_column(layout, field, &change)]);
}

fn alter_column(layout: &Layout<'_>, field: &Field, change: &str) -> String {
    format!("ALTER TABLE {} ALTER COLUMN {} {change}", layout.table(), quoted(field.name.as_str()))
}

/// Makes the migration collect the search words of every row again, after a change of the searched fields.
fn search_again(out: &mut Steps, old: &Layout<'_>, new: &Layout<'_>) {
    match (old.is_searched(), new.is_searched()) {
        (false, true) => {
            out.sql([format!("ALTER TABLE {} ADD COLUMN {}", new.table(), search_column())]);
            out.sql([new.search_index()]);
        }
        (true, false) => {
            out.sql([format!("ALTER TABLE {} DROP COLUMN {}", new.table(), quoted(COLUMN))]);
        }
        _ => {}
    }
    if new.is_searched() {
        out.search.insert(new.model.name.clone());
    }
}

pub(super) fn alter_field(
    out: &mut Steps,
    old: &Layout<'_>,
    new: &Layout<'_>,
    field: &Field,
    fill: Option<&Json>,
) -> Result<()> {
    let name = field.name.as_str();
    let was = old.model.field(name);
    let was = was.ok_or_else(|| statement(format!("there is no field `{}.{name}`", new.model.name)))?;
    let converted = convert(old, new, was, field, fill)?;
    out.list.extend(converted.checks.iter().cloned());
    if field.unique && !was.unique {
        out.list.extend(duplicates(new, &Index { fields: vec![field.name.clone()], unique: true }));
    }
    let (had, has) = (old.reference(was)?, new.reference(field)?);
    if had.is_some() && had != has {
        let name = quoted(&names::reference(old.model, was));
        out.sql([format!("ALTER TABLE {} DROP CONSTRAINT {name}", old.table())]);
    }
    let (indexed, index) = (names::own_index(was), names::own_index(field));
    if indexed != index {
        out.sql(indexed.as_ref().map(|index| old.drop_index(index)));
    }
    alter_column_to(out, old, new, (was, field), &converted)?;
    if had != has {
        out.sql(new.add_reference(field)?);
    }
    if indexed != index {
        out.sql(new.field_index(field));
    }
    if was.search != field.search {
        search_again(out, old, new);
    } else if field.search && (converted.using.is_some() || converted.fill.is_some()) {
        out.search.insert(new.model.name.clone());
    }
    Ok(())
}

/// Changes the type, the default, the values and the nullability of a column.
fn alter_column_to(
    out: &mut Steps,
    old: &Layout<'_>,
    new: &Layout<'_>,
    (was, field): (&Field, &Field),
    converted: &Converted,
) -> Result<()> {
    let (had, default) = (old.default(was)?, new.default(field)?);
    let renewed = had != default || converted.using.is_some();
    if had.is_some() && renewed {
        set_default(out, new, field, None);
    }
    if let Some(using) = &converted.using {
        let kind = column_type(new.storage(&field.kind)?);
        out.sql([alter_column(new, field, &format!("TYPE {kind} USING {using}"))]);
    }
    if let Some(fill) = &converted.fill {
        let name = quoted(field.name.as_str());
        out.sql([format!("UPDATE {} SET {name} = {fill} WHERE {name} IS NULL", new.table())]);
    }
    if was.required != field.required {
        let change = if field.required { "SET NOT NULL" } else { "DROP NOT NULL" };
        out.sql([alter_column(new, field, change)]);
    }
    if default.is_some() && renewed {
        set_default(out, new, field, default.as_deref());
    }
    Ok(())
}

pub(super) fn rename_field(
    out: &mut Steps,
    old: &Layout<'_>,
    new: &Layout<'_>,
    from: &FieldName,
    to: &FieldName,
) -> Result<()> {
    let (column, renamed) = (quoted(from.as_str()), quoted(to.as_str()));
    out.sql([format!("ALTER TABLE {} RENAME COLUMN {column} TO {renamed}", new.table())]);
    out.sql(renames(old, new)?);
    Ok(())
}

/// Renames the objects that are named after the model or a field, between two states of a model with the same fields in
/// the same order.
pub(super) fn renames(old: &Layout<'_>, new: &Layout<'_>) -> Result<Vec<String>> {
    let mut out = vec![];
    let constraint = |from: String, to: String| {
        let (from, to) = (quoted(&from), quoted(&to));
        (from != to).then(|| format!("ALTER TABLE {} RENAME CONSTRAINT {from} TO {to}", new.table()))
    };
    let index = |from: String, to: String| {
        (from != to).then(|| format!("ALTER INDEX {} RENAME TO {}", quoted(&from), quoted(&to)))
    };
    out.extend(constraint(names::key(old.model), names::key(new.model)));
    for (was, is) in old.model.fields.iter().zip(&new.model.fields) {
        if new.reference(is)?.is_some() {
            out.extend(constraint(names::reference(old.model, was), names::reference(new.model, is)));
        }
    }
    let all = |model: &Model| -> Vec<String> {
        let own = model.fields.iter().filter_map(names::own_index);
        own.chain(model.indexes.iter().cloned()).map(|i| names::index(model, &i)).collect()
    };
    out.extend(all(old.model).into_iter().zip(all(new.model)).filter_map(|(was, is)| index(was, is)));
    if new.is_searched() {
        out.extend(index(names::search(old.model), names::search(new.model)));
    }
    Ok(out)
}

pub(super) fn drop_field(out: &mut Steps, old: &Layout<'_>, new: &Layout<'_>, name: &FieldName) {
    let Some(field) = old.model.field(name.as_str()) else { return };
    // Dropping the column also drops its index and its foreign key.
    out.sql([format!("ALTER TABLE {} DROP COLUMN {}", new.table(), quoted(name.as_str()))]);
    if field.search {
        search_again(out, old, new);
    }
}
