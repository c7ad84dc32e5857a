//! `tenantry analytics`: numbers over the rows of a model in all tenants (`audited-commit`).

use super::{setup::Place, table, user::operator};
use crate::{
    http::{across, percent},
    wire::across::{Across, AcrossGroup},
};
use anyhow::{Result, anyhow, bail};
use clap::Args;
use serde_json::Value;
use std::process::ExitCode;
use tenantry::counted;

/// Options of `analytics`.
#[derive(Debug, Args)]
pub(crate) struct Analytics {
    /// Model of tenants, for example reports.
    model: String,
    /// Keys of the groups, separated by commas: a field, or a period such as created_at__month.
    #[arg(long, value_name = "KEYS")]
    by: Option<String>,
    /// Result to compute for each group: sum, avg, min or max of a field. May be repeated.
    #[arg(long, value_name = "FUNCTION=FIELD")]
    show: Vec<String>,
    /// Only rows that meet this condition, for example status=sent or valued_on__gte=2026-01-01. May be repeated.
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    conditions: Vec<String>,
    /// Sort by the number of rows, largest first, instead of by the keys.
    #[arg(long)]
    largest: bool,
    /// Largest number of groups.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Only tenants in this state.
    #[arg(long)]
    state: Option<String>,
    /// Only tenants on this plan.
    #[arg(long)]
    plan: Option<String>,
    /// Only tenants with a database on this server.
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Analytics {
    /// Returns the query of the same question in the API.
    fn query(&self) -> Result<String> {
        let mut pairs: Vec<(&str, &str)> = vec![];
        pairs.extend(self.by.as_deref().map(|keys| ("group_by", keys)));
        for option in self.show.iter().chain(&self.conditions) {
            match option.split_once('=') {
                Some(pair) => pairs.push(pair),
                None => bail!(
                    "{option}: has no `=`\n  remedy: sum=FIELD for a result, FIELD=VALUE for a condition"
                ),
            }
        }
        pairs.extend(self.largest.then_some(("sort", "-count")));
        pairs.extend(self.state.as_deref().map(|state| ("tenant.state", state)));
        pairs.extend(self.plan.as_deref().map(|plan| ("tenant.plan", plan)));
        pairs.extend(self.server.as_deref().map(|server| ("tenant.server", server)));
        let mut query = format!("limit={}", self.limit);
        for (name, value) in pairs {
            query += &format!("&{name}={}", percent(value));
        }
        Ok(query)
    }
}

/// Asks all tenants and prints the groups. The exit status is 1 if a tenant did not answer.
pub(super) async fn run(place: &Place, options: &Analytics) -> Result<ExitCode> {
    let query = options.query()?;
    let platform = place.platform().await?;
    let asked = across(&platform, &operator(), &options.model, &query).await;
    let answer = asked.map_err(|problem| {
        let wrong =
            problem.wrong_fields().iter().map(|wrong| format!("\n  {}: {}", wrong.field, wrong.message));
        let remedy = Some(problem.remedy_text()).filter(|remedy| !remedy.is_empty());
        let remedy = remedy.map(|remedy| format!("\n  remedy: {remedy}")).unwrap_or_default();
        anyhow!("{}{}{remedy}", problem.detail(), wrong.collect::<String>())
    })?;
    if options.json {
        table::json(&answer)?;
    } else {
        show(options, &answer);
    }
    Ok(if answer.unasked_count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(options: &Analytics, answer: &Across) {
    let keys: Vec<&str> = options.by.iter().flat_map(|keys| keys.split(',')).collect();
    let results: Vec<(&str, &str)> = options.show.iter().filter_map(|show| show.split_once('=')).collect();
    let titles = results.iter().map(|(function, field)| format!("{function} {field}"));
    let header: Vec<String> =
        keys.iter().map(|key| (*key).to_owned()).chain(["rows".into()]).chain(titles).collect();
    let row = |group: &AcrossGroup| {
        let keys = keys.iter().map(|key| cell(group.group.get(*key)));
        let computed = results.iter().map(|(function, field)| {
            cell(group.results.get(*function).and_then(|by_field| by_field.get(*field)))
        });
        keys.chain([group.count.to_string()]).chain(computed).collect()
    };
    table::print(&header.iter().map(String::as_str).collect::<Vec<_>>(), answer.groups.iter().map(row));
    if answer.more {
        say!("there are more groups: raise --limit, or add a condition");
    }
    if answer.hidden > 0 {
        let few = answer.smallest_group;
        say!("{} of fewer than {few} rows not shown", counted(answer.hidden, "group"));
    }
    say!("{} answered", counted(answer.asked, "tenant"));
    for tenant in &answer.unasked {
        tell!("{} did not answer: {}", tenant.slug, tenant.reason);
    }
    if answer.unasked_count > answer.unasked.len() as u64 {
        tell!("{} did not answer in all", counted(answer.unasked_count, "tenant"));
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".into(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
