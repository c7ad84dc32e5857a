//! Writes the archive, entry after entry, from the copies and the object store. Runs on a blocking thread, and ends
//! when the receiver is dropped.

use super::{Copied, Job, facts};
use crate::{
    Error, Result,
    archive::{self, FileLine, FileList, FilesFacts, Out, Packer},
    records::{FileInfo, csv_line},
    users::members,
};
use bytes::Bytes;
use futures_util::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use tenantry_engine::{
    model::{FieldKind, Model},
    name::{FieldName, ModelName},
    query::RecordId,
    row::Row,
    value::{Value, ValueRef},
};
use tokio::{runtime::Handle, sync::mpsc};

/// Number of ids looked up in one query.
const IDS: usize = 1000;

/// Ids of the rows of shared models to which the tenant's rows refer.
type Shared = BTreeMap<ModelName, BTreeSet<RecordId>>;

impl Job {
    /// Writes the whole archive, or sends the error. The audit log records the outcome before the stream ends.
    pub(super) fn run(self, sender: &mpsc::Sender<Result<Bytes>>) {
        let mut packer = Packer::new(Out::new(sender.clone()), self.at_us);
        match self.pack(&mut packer) {
            Ok(()) => {
                let finished = packer.finish();
                self.record_end(sender, finished.as_ref().err());
                if let Err(error) = finished {
                    drop(sender.blocking_send(Err(error)));
                }
            }
            Err(error) => {
                tracing::warn!(tenant = self.tenant.id().get(), %error, "export ended early");
                self.record_end(sender, Some(&error));
                packer.abandon(sender, error);
            }
        }
    }

    /// Records in the audit log how the export ended.
    fn record_end(&self, sender: &mpsc::Sender<Result<Bytes>>, failed: Option<&Error>) {
        let detail = match failed {
            None => serde_json::json!({ "complete": true }),
            Some(_) if sender.is_closed() => {
                serde_json::json!({ "complete": false, "error": "receiver_gone" })
            }
            Some(error) => serde_json::json!({ "complete": false, "error": error.code() }),
        };
        let recorded = Handle::current().block_on(async {
            let mut write = self.inner.control.begin().await?;
            write.audit(&self.by, Some(self.tenant.id()), "tenant.export_end", detail).await?;
            write.commit().await
        });
        if let Err(error) = recorded {
            tracing::error!(tenant = self.tenant.id().get(), %error, "the end of an export is not in the audit log");
        }
    }

    fn pack(&self, packer: &mut Packer) -> Result<()> {
        let mut shared = Shared::new();
        for store in &self.stores {
            packer.add_file(&facts::database_path(store), &store.path)?;
            for plan in store.schema.plans() {
                self.csv(packer, store, plan.model(), &mut shared)?;
            }
        }
        self.shared(packer, shared)?;
        let list = self.scratch.path().join(archive::FILES);
        let files = self.files(packer, &list)?;
        packer.add_file(archive::FILES, &list)?;
        packer.add(archive::MEMBERS, &self.members()?)?;
        let mut manifest = self.manifest(files);
        let readme = archive::readme(&manifest, &self.inner.config.platform.name);
        packer.add(archive::README, readme.as_bytes())?;
        manifest.entries.clone_from(&packer.entries);
        let text = serde_json::to_vec_pretty(&manifest).map_err(|e| Error::Internal(e.to_string()))?;
        packer.add(archive::MANIFEST, &text)
    }

    fn csv(&self, packer: &mut Packer, store: &Copied, model: &Model, shared: &mut Shared) -> Result<()> {
        let plan = store.schema.model(model.name.as_str()).ok_or(Error::NotFound("model"))?;
        let names: Vec<&str> = plan.columns().iter().map(|c| c.name.as_str()).collect();
        let foreign = self.foreign(model);
        packer.begin(&facts::csv_path(model), 0)?;
        packer.write(&csv_line(names.iter().map(|name| ValueRef::Plain(name))))?;
        self.each(store, model, &[], &mut |row| {
            for (column, to) in &foreign {
                if let Some(id) = id(row.get(*column)) {
                    shared.entry(to.clone()).or_default().insert(id);
                }
            }
            packer.write(&csv_line((0..row.len()).map(|index| row.get(index))))
        })?;
        packer.end(true);
        Ok(())
    }

    /// Calls `show` for each row of a model of a copy, until a call fails.
    fn each(
        &self,
        store: &Copied,
        model: &Model,
        fields: &[FieldName],
        show: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        let mut outcome = Ok(());
        self.inner.engine.read_copy(&store.path, &store.schema, model.name.as_str(), fields, &mut |row| {
            outcome = show(row);
            outcome.is_ok()
        })?;
        outcome
    }

    /// Returns the columns (the id is column 0) that refer to rows of the platform's own stores.
    fn foreign(&self, model: &Model) -> Vec<(usize, ModelName)> {
        let refs = model.fields.iter().enumerate().filter_map(|(index, field)| match &field.kind {
            FieldKind::Ref { to, .. } if self.loaded.entry(to.as_str()).is_ok_and(|e| e.system) => {
                Some((index + 1, to.clone()))
            }
            _ => None,
        });
        refs.collect()
    }

    fn shared(&self, packer: &mut Packer, shared: Shared) -> Result<()> {
        for (model, ids) in shared {
            let entry = self.loaded.entry(model.as_str())?;
            let Some(place) = &entry.place else { continue };
            let ids: Vec<RecordId> = ids.into_iter().collect();
            let plan = entry.schema.model(model.as_str()).ok_or(Error::NotFound("model"))?;
            packer.begin(&format!("shared/{model}.csv"), 0)?;
            packer.write(&csv_line(plan.columns().iter().map(|c| ValueRef::Plain(c.name.as_str()))))?;
            for some in ids.chunks(IDS) {
                let rows = Handle::current().block_on(async {
                    let session = self.inner.engine.session(place, &entry.schema).await?;
                    session.by_ids(model.as_str(), some, &[], Lines::default()).await
                })?;
                packer.write(&rows.0)?;
            }
            packer.end(true);
        }
        Ok(())
    }

    /// Streams the uploaded files into the archive, and writes the list of them.
    fn files(&self, packer: &mut Packer, list: &std::path::Path) -> Result<FilesFacts> {
        let (mut list, mut facts) = (FileList::create(list)?, FilesFacts::default());
        for store in &self.stores {
            for plan in store.schema.plans() {
                let model = plan.model();
                let fields = crate::records::file_names(model);
                if fields.is_empty() {
                    continue;
                }
                let id = FieldName::parse("id")?;
                let columns: Vec<FieldName> = std::iter::once(id).chain(fields.iter().cloned()).collect();
                self.each(store, model, &columns, &mut |row| {
                    let record = text(row.get(0));
                    for (index, field) in fields.iter().enumerate() {
                        let Some(info) = FileInfo::of(row.get(index + 1).into()) else { continue };
                        let line = FileLine::new(model.name.as_str(), &record, field.as_str(), info);
                        self.file(packer, line, &mut list, &mut facts)?;
                    }
                    Ok(())
                })?;
            }
        }
        list.finish()?;
        Ok(facts)
    }

    fn file(
        &self,
        packer: &mut Packer,
        mut line: FileLine,
        list: &mut FileList,
        facts: &mut FilesFacts,
    ) -> Result<()> {
        let runtime = Handle::current();
        match runtime.block_on(self.inner.files.get(Some(self.tenant.id()), &line.id)) {
            Ok(mut bytes) => {
                packer.begin(&line.path, line.bytes)?;
                while let Some(piece) = runtime.block_on(bytes.next()) {
                    packer.write(&piece.map_err(|e| Error::Unavailable(e.to_string()))?)?;
                }
                packer.end(false);
                facts.count += 1;
                facts.bytes += line.bytes;
            }
            // The file was removed since the copy was made, or is lost. Record it as missing instead of hiding that.
            Err(error) if error.is_missing() => {
                line.path.clear();
                facts.missing += 1;
            }
            Err(error) => return Err(Error::Unavailable(error.to_string())),
        }
        list.add(&line)
    }

    fn members(&self) -> Result<Vec<u8>> {
        let members = Handle::current().block_on(async {
            members::of_tenant(&mut self.inner.control.snapshot().await?, self.tenant.id()).await
        })?;
        let mut out = csv_line(["email", "name", "role", "since"].into_iter().map(ValueRef::Plain));
        for member in members {
            let since = crate::control::clock::text(member.created_at_us);
            let cells = [member.email.as_str(), member.name.as_str(), member.role.as_str(), since.as_str()];
            let cells = cells.into_iter().map(|text| match text {
                "" => ValueRef::Null,
                text => ValueRef::Text(text),
            });
            out.extend(csv_line(cells));
        }
        Ok(out)
    }
}

/// Visited rows as CSV lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl tenantry_engine::row::Visit for Lines {
    fn row(&mut self, row: &dyn Row) {
        self.0.extend(csv_line((0..row.len()).map(|index| row.get(index))));
    }
}

fn id(value: ValueRef<'_>) -> Option<RecordId> {
    match Value::from(value) {
        Value::Integer(id) => Some(RecordId::Integer(id)),
        Value::Uuid(id) => Some(RecordId::Uuid(id)),
        _ => None,
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Integer(id) => id.to_string(),
        ValueRef::Plain(id) => id.to_owned(),
        _ => String::new(),
    }
}
