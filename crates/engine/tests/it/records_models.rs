//! The models of the clinic that the record tests use.

use crate::records_kit::name;
use std::sync::Arc;
use tenantry_engine::{
    model::{Field, FieldKind, IdKind, Index, Model, OnDelete, Overrides, Permissions},
    name::{AppName, ModelName, StoreName},
};

pub(crate) fn field(text: &str, kind: FieldKind) -> Field {
    Field {
        name: name(text),
        kind,
        label: text.into(),
        required: false,
        unique: false,
        index: false,
        search: false,
        personal: false,
        default: None,
        consistent: true,
    }
}

fn model(text: &str, id: IdKind, fields: Vec<Field>) -> Model {
    Model {
        app: AppName::parse("clinic").unwrap(),
        name: ModelName::parse(text).unwrap(),
        label: text.into(),
        store: StoreName::parse("tenant").unwrap(),
        id,
        display: None,
        fields,
        indexes: vec![],
        permissions: Permissions::default(),
        tenant_field: name("company_id"),
        overrides: None,
        workflow: None,
        audit: false,
        reads: None,
    }
}

fn reference(text: &str, to: &str, on_delete: OnDelete) -> Field {
    field(text, FieldKind::Ref { to: ModelName::parse(to).unwrap(), on_delete })
}

/// Returns the clinic's models. `doctors` have every kind of field; `order` is a keyword of SQL.
pub(crate) fn models() -> Vec<Arc<Model>> {
    let text = |max| FieldKind::Text { max_length: max };
    let whole = |min, max| FieldKind::Integer { min, max };
    let doctors = vec![
        Field { required: true, search: true, ..field("name", text(Some(40))) },
        Field { unique: true, personal: true, ..field("email", text(None)) },
        Field { index: true, ..field("age", whole(Some(0), Some(150))) },
        Field { default: Some("10.00".into()), ..field("fee", FieldKind::Decimal { scale: 2 }) },
        Field { required: true, default: Some(true.into()), ..field("active", FieldKind::Boolean) },
        field("born", FieldKind::Date),
        field("seen", FieldKind::Datetime),
        field("extra", FieldKind::Json),
        field("photo", FieldKind::File { max_bytes: 1000 }),
        field("level", FieldKind::Choice { choices: vec!["junior".into(), "senior".into()] }),
        reference("hospital", "hospitals", OnDelete::Protect),
        reference("mentor", "doctors", OnDelete::SetNull),
        Field { search: true, ..field("notes", text(None)) },
        reference("region", "regions", OnDelete::Protect),
    ];
    let mut doctors = model("doctors", IdKind::Integer, doctors);
    let fields = ["name", "age", "fee", "notes", "active", "extra"].map(name).into();
    doctors.overrides = Some(Overrides { store: StoreName::parse("tenant").unwrap(), fields, add: true });
    doctors.indexes = vec![Index { fields: vec![name("name"), name("born")], unique: true }];
    let hospitals = vec![Field { required: true, search: true, ..field("name", text(None)) }];
    let order = vec![field("group", text(None)), reference("doctor", "doctors", OnDelete::Protect)];
    let reports = vec![
        Field { required: true, ..field("name", text(None)) },
        Field { label: "Custom".into(), ..field("custom", FieldKind::Custom) },
    ];
    let audited = Model { audit: true, ..model("hospitals", IdKind::Uuid, hospitals) };
    let store = StoreName::parse("shared").unwrap();
    let regions = Model { store, ..model("regions", IdKind::Integer, vec![field("name", text(None))]) };
    vec![
        Arc::new(regions),
        Arc::new(audited),
        Arc::new(doctors),
        Arc::new(model("order", IdKind::Integer, order)),
        Arc::new(model("reports", IdKind::Integer, reports)),
    ]
}
