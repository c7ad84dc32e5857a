//! Reads, and the documents of their answers.

use crate::error::{Error, Kind, Result};
use mongodb::{
    bson::{Document, RawDocument, Timestamp, doc},
    raw_batch_cursor::RawBatch,
};

/// A read of one collection.
pub(crate) enum Query {
    Find(Box<Find>),
    /// A pipeline of an aggregation.
    Stages(Vec<Document>),
}

impl From<Find> for Query {
    fn from(find: Find) -> Self {
        Self::Find(Box::new(find))
    }
}

/// A read that needs no aggregation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Find {
    pub(crate) filter: Document,
    pub(crate) sort: Option<Document>,
    pub(crate) limit: Option<i64>,
    pub(crate) projection: Option<Document>,
}

impl Query {
    /// Returns the pipeline of an aggregation with the same result.
    pub(crate) fn stages(&self) -> Vec<Document> {
        match self {
            Self::Stages(stages) => stages.clone(),
            Self::Find(find) => {
                let Find { filter, sort, limit, projection } = &**find;
                let mut stages = vec![doc! { "$match": filter }];
                stages.extend(sort.as_ref().map(|sort| doc! { "$sort": sort }));
                stages.extend(limit.map(|limit| doc! { "$limit": limit }));
                stages.extend(projection.as_ref().map(|shown| doc! { "$project": shown }));
                stages
            }
        }
    }
}

/// The documents of an answer, in the bytes in which they arrived.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    batches: Vec<RawBatch>,
    /// Number of documents at the end that are not part of the result.
    hidden: usize,
}

impl Answer {
    pub(crate) fn new(batches: Vec<RawBatch>) -> Self {
        Self { batches, hidden: 0 }
    }

    /// Hides the last document.
    pub(crate) fn hide_last(&mut self) {
        self.hidden += 1;
    }

    /// Returns the documents.
    ///
    /// # Errors
    /// Returns `Corrupt` if the answer has another form.
    pub(crate) fn rows(&self) -> Result<Vec<&RawDocument>> {
        let mut rows = vec![];
        for batch in &self.batches {
            for row in batch.doc_slices()? {
                let row = row.map_err(damaged)?.as_document();
                rows.push(row.ok_or_else(|| Error::new(Kind::Corrupt, "an answer without documents"))?);
            }
        }
        rows.truncate(rows.len() - self.hidden.min(rows.len()));
        Ok(rows)
    }

    /// Returns the operation time of the answer; `None` if the server does not tell it.
    pub(crate) fn operation_time(&self) -> Option<Timestamp> {
        self.batches.last()?.as_raw_document().get_timestamp("operationTime").ok()
    }

    /// Returns true if the answer came in one piece.
    pub(crate) fn is_whole(&self) -> bool {
        let cursor = |batch: &RawBatch| batch.as_raw_document().get_document("cursor")?.get_i64("id");
        matches!(&*self.batches, [batch] if cursor(batch).is_ok_and(|id| id == 0))
    }
}

fn damaged(error: mongodb::bson::error::Error) -> Error {
    Error::with_source(Kind::Corrupt, "an answer cannot be read", error)
}
