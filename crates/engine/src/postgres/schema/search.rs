//! The words by which the search finds rows. They are collected again after a migration changed rows or the searched
//! fields, and compared with the rows.

use super::{
    ddl::{Layout, quoted},
    rows::{Keyed, Rows},
};
use crate::{
    cell::Stored,
    error::Result,
    model::IdKind,
    postgres::{
        connections::Connection,
        search::{COLUMN, vector},
    },
};
use tokio_postgres::{Row, types::Type};

/// Updates the search words of every row of a model in which they differ. `of` confines it to one tenant of a pool.
/// Runs in the caller's transaction as the owner.
pub(crate) async fn fill(conn: &mut Connection, layout: &Layout<'_>, of: Option<i64>) -> Result<()> {
    let (pairs, column) = (pairs(layout), quoted(COLUMN));
    let update = format!("UPDATE {} AS m SET {column} = new.words::tsvector FROM {pairs}", layout.table());
    let mut rows = walk(layout, of);
    loop {
        let page = rows.next(conn).await?;
        if page.is_empty() {
            return Ok(());
        }
        run(conn, &update, &page).await?;
    }
}

/// Returns true if the search words of any row differ from its texts, in the state that the caller's transaction reads.
pub(super) async fn differs(conn: &mut Connection, layout: &Layout<'_>) -> Result<bool> {
    let select = format!("SELECT FROM {} AS m, {} LIMIT 1", layout.table(), pairs(layout));
    let mut rows = walk(layout, None);
    loop {
        let page = rows.next(conn).await?;
        if page.is_empty() {
            return Ok(false);
        }
        if !run(conn, &select, &page).await?.is_empty() {
            return Ok(true);
        }
    }
}

fn walk(layout: &Layout<'_>, of: Option<i64>) -> Rows {
    let columns: Vec<String> =
        layout.model.search_fields().map(|field| quoted(field.name.as_str())).collect();
    Rows::new(layout, &columns, of)
}

/// Returns SQL that pairs the words `new` with the rows `m` whose words differ from them.
fn pairs(layout: &Layout<'_>) -> String {
    let id = match layout.model.id {
        IdKind::Integer => "bigint",
        IdKind::Uuid => "uuid",
    };
    let own =
        layout.tenant().map_or(String::new(), |tenant| format!("m.{} = new.tenant AND ", quoted(tenant)));
    format!(
        "unnest($1::bigint[], $2::text[]::{id}[], $3::text[]) AS new(tenant, id, words) \
         WHERE {own}m.\"id\" = new.id AND m.{} <> new.words::tsvector",
        quoted(COLUMN)
    )
}

async fn run(conn: &mut Connection, sql: &str, page: &[Keyed]) -> Result<Vec<Row>> {
    let (mut tenants, mut ids, mut words) = (vec![], vec![], vec![]);
    for Keyed { tenant, id, row } in page {
        let texts: Vec<Option<&str>> = (Keyed::FIRST..row.len()).map(|index| row.get(index)).collect();
        tenants.push(*tenant);
        ids.push(match id {
            Stored::Integer(id) => id.to_string(),
            Stored::Text(id) => id.to_string(),
            Stored::Null => String::new(),
        });
        words.push(vector(texts));
    }
    conn.once(sql, &[(&tenants, Type::INT8_ARRAY), (&ids, Type::TEXT_ARRAY), (&words, Type::TEXT_ARRAY)])
        .await
}
