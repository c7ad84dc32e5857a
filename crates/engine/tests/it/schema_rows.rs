//! Rows of the schema tests, in the stored form, which is the same in every database.

#[cfg(feature = "mongodb")]
use crate::schema_lab::Raw;
use crate::{
    schema_kit::store,
    schema_lab::{Subject, TENANT},
};
use tenantry_engine::{Storage, model::Model, schema::Schema};

/// An instant in the stored form, for columns that no test reads.
pub(crate) const NOW: &str = "2026-01-31T12:00:00.000000Z";

/// A value in the stored form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'v> {
    Null,
    Integer(i64),
    Text(&'v str),
}

impl Subject<'_> {
    /// Writes a row with these values in the stored form, for the test's tenant.
    pub(crate) async fn insert(&self, models: &[Model], model: &str, id: i64, values: &[(&str, Cell<'_>)]) {
        let schema =
            Schema::new(store("tenant"), models.iter().cloned().map(Into::into).collect(), &[]).unwrap();
        let plan = schema.model(model).unwrap();
        #[cfg(feature = "mongodb")]
        if let Raw::Mongo(documents) = &self.raw {
            return documents.insert(plan, id, values).await;
        }
        let key = match plan.column("id").unwrap().storage {
            Storage::Uuid => uuid(id),
            _ => id.to_string(),
        };
        let key = if key.contains('-') { Cell::Text(&key) } else { Cell::Integer(id) };
        let mut all = vec![("id", key), ("created_at", Cell::Text(NOW)), ("updated_at", Cell::Text(NOW))];
        all.extend(values);
        let (mut names, mut literals) = (vec![], vec![]);
        if self.is_pooled() {
            names.push("tenant_id".to_owned());
            literals.push(TENANT.to_string());
        }
        for (name, cell) in all {
            names.push(format!("\"{name}\""));
            literals.push(self.literal(plan.column(name).unwrap().storage, cell));
        }
        let sql = format!("INSERT INTO \"{model}\" ({}) VALUES ({})", names.join(", "), literals.join(", "));
        self.execute(&sql).await;
    }

    fn literal(&self, storage: Storage, cell: Cell<'_>) -> String {
        let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
        match (storage, cell) {
            (_, Cell::Null) => "NULL".into(),
            (Storage::Boolean, Cell::Integer(value)) if self.is_postgres() => (value != 0).to_string(),
            (Storage::Decimal(scale), Cell::Integer(value)) if self.is_postgres() => {
                format!("{value}::numeric * 1e-{scale}")
            }
            (_, Cell::Integer(value)) => format!("({value})"),
            (Storage::Date | Storage::Datetime, Cell::Text(value))
                if self.is_postgres() && value.starts_with("0000-") =>
            {
                format!("'0001-{} BC'", &value[5..])
            }
            (_, Cell::Text(value)) => text(value),
        }
    }

    /// Returns the values of these fields in the stored form, row by row in order of the ids; null is `∅`.
    pub(crate) async fn values(&self, models: &[Model], model: &str, fields: &[&str]) -> Vec<Vec<String>> {
        let schema =
            Schema::new(store("tenant"), models.iter().cloned().map(Into::into).collect(), &[]).unwrap();
        let plan = schema.model(model).unwrap();
        #[cfg(feature = "mongodb")]
        if let Raw::Mongo(documents) = &self.raw {
            return documents.values(plan, fields).await;
        }
        let columns: Vec<String> =
            fields.iter().map(|field| self.stored(plan.column(field).unwrap().storage, field)).collect();
        self.query(&format!("SELECT {} FROM \"{model}\" ORDER BY \"id\"", columns.join(", "))).await
    }

    fn stored(&self, storage: Storage, field: &str) -> String {
        let column = format!("\"{field}\"");
        if !self.is_postgres() {
            return format!("coalesce(CAST({column} AS TEXT), '∅')");
        }
        let year = |form: &str| {
            format!(
                "CASE WHEN {column} < '0001-01-01' THEN '0000' ELSE to_char({column}, 'YYYY') END || to_char({column}, '{form}')"
            )
        };
        let text = match storage {
            Storage::Boolean => format!("{column}::integer::text"),
            Storage::Decimal(scale) => format!("({column} * {})::bigint::text", 10_i64.pow(scale)),
            Storage::Date => year("-MM-DD"),
            Storage::Datetime => year("-MM-DD\"T\"HH24:MI:SS.US\"Z\""),
            _ => format!("{column}::text"),
        };
        format!("coalesce({text}, '∅')")
    }
}

/// Returns a UUID for a number.
pub(crate) fn uuid(number: i64) -> String {
    format!("00000000-0000-7000-8000-{number:012x}")
}
