//! `/{model}/change/` and `/{model}/delete/`: changes or deletes all records that meet conditions, or ticked records.
//!
//! The address contains the conditions as the API writes them. The form sends them back with the number that the page
//! shows, and the platform does nothing if another number of records meets them.

mod change;
mod delete;

pub(in crate::http) use change::{ask as ask_change_all, change as change_all};
pub(in crate::http) use delete::{ask as ask_delete_all, delete as delete_all};

use super::{Place, cells, conditions, conditions::WORDS, id_of, links::Params};
use crate::http::{
    pages::{
        answer::see,
        visit::{Fields, Sent, Site, query as visited},
        words::Words,
    },
    problem::{Code, Problem, Result},
    query,
};
use axum::response::Response;
use tenantry::{
    name::FieldName,
    query::Select,
    records::{ListQuery, MAX_MATCHING, Matching},
};
use tenantry_console::{
    Notice,
    records::{Row as Shown, Selection},
};

/// Number of records whose names a page shows.
const NAMED: u32 = 8;

/// Conditions of a page, and the list that the visitor came from.
struct Asked {
    conditions: Params,
    back: String,
}

impl Asked {
    /// Reads the address: conditions, or ticked records. Returns `None` for a form of ticked records in which none is
    /// ticked.
    fn of_address(text: &str) -> Option<Self> {
        let fields = visited(text);
        let conditions = Params::read(text).without(|name, _| WORDS.contains(&name));
        if fields.sent("_ticked").is_none() {
            return Some(Self { back: conditions.query(), conditions });
        }
        let ticked: Vec<_> =
            fields.0.iter().filter(|(name, _)| name == "_tick").map(|(_, id)| id.as_str()).collect();
        let conditions = Params(vec![("id__in".to_owned(), ticked.join(","))]);
        (!ticked.is_empty()).then(|| Self { conditions, back: fields.get("_back").to_owned() })
    }

    /// Reads the sent form: its fields, the conditions, and the number of records that its page showed.
    async fn of_form(site: &Site, sent: Sent) -> Result<(Fields, Self, u64)> {
        let fields = site.visit().fields(sent).await?;
        let conditions = Params::read(fields.get("_where"));
        let asked = Self { conditions, back: fields.get("_back").to_owned() };
        let expected = fields.get("_expect").parse().unwrap_or(0);
        Ok((fields, asked, expected))
    }

    /// Returns the condition on the records, as the API reads it. A condition that does not fit the model is refused,
    /// never left out.
    fn matching(&self, place: &Place<'_>, expected: u64) -> Result<Matching> {
        let text = [self.conditions.query(), format!("expect={expected}")].join("&");
        query::matching(place, &text).map(|(matching, _)| matching)
    }

    /// Returns the address of the list that the visitor came from.
    fn list(&self, place: &Place<'_>) -> String {
        Params::read(&self.back).href(&place.list_path(&place.model))
    }

    /// Redirects to the list, which shows the act and the number of its records.
    fn done(&self, place: &Place<'_>, done: &str, count: u64) -> Response {
        let list = self.list(place);
        let sign = if list.contains('?') { '&' } else { '?' };
        see(&format!("{list}{sign}_done={done}&_count={count}"))
    }

    /// Counts the records now and returns the names of some.
    async fn selection(&self, place: &Place<'_>) -> Result<(Selection, Vec<String>)> {
        let which = self.matching(place, 0)?;
        let names = FieldName::parse("id").ok().into_iter().chain(place.model.display.clone());
        let select = Select {
            filter: which.filter,
            search: which.search,
            fields: names.collect(),
            limit: 200,
            ..Select::default()
        };
        let page =
            place.whole_records().await?.list(&ListQuery { select, count: true, expand: vec![] }).await?;
        let rows = super::parsed(&place.model, &page.items)?;
        let count = page.count.unwrap_or(rows.len() as u64);
        let shown = rows.iter().take(NAMED as usize).map(|row| Shown {
            id: id_of(row),
            href: place.path(&place.model, &id_of(row)),
            name: cells::name(place.words(), &place.model, row),
            is_added: false,
            cells: vec![],
        });
        let too_many = (count > MAX_MATCHING)
            .then(|| place.words().text("bulk-too-many").with("count", MAX_MATCHING).into());
        let selection = Selection {
            words: self.words(place).await?,
            parameters: self.conditions.query(),
            back: self.back.clone(),
            count,
            rows: shown.collect(),
            too_many,
        };
        // Ids of all records, if the page got all of them.
        let ids = if count == rows.len() as u64 { rows.iter().map(id_of).collect() } else { vec![] };
        Ok((selection, ids))
    }

    async fn words(&self, place: &Place<'_>) -> Result<Vec<String>> {
        if let Some(ids) = self.conditions.get("id__in") {
            return Ok(vec![place.words().text("bulk-ticked").with("ids", ids.replace(',', ", ")).into()]);
        }
        let set = self.conditions.without(|name, _| name == "q").0;
        let conditions = conditions::in_words(place, &set).await?;
        let search =
            self.conditions.get("q").map(|text| place.words().text("bulk-search").with("text", text).into());
        Ok(search.into_iter().chain(conditions).collect())
    }
}

/// Returns the notice that a different number of records now meets the conditions. Passes other problems on.
fn recounted(words: &Words, problem: Problem, before: u64, selection: &Selection) -> Result<Notice> {
    match problem.code() {
        Code::Conflict => Ok(Notice::wrong(
            words.text("bulk-recounted").with("before", before).with("now", selection.count),
        )),
        // Another request has written one of the records since it was counted.
        Code::VersionConflict => Ok(Notice::wrong(words.say("bulk-conflict"))),
        _ => Err(problem),
    }
}
