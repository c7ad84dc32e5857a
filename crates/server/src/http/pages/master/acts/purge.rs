//! `/master-admin/companies/{slug}/purge/`: removes a closed company for good.

use super::{about, act, at_once, is_on, own_password, running, typed_slug};
use crate::{
    http::{
        admin,
        body::Json,
        pages::{
            master::form::Ask,
            visit::{Fields, StaffedOn},
            words::human,
        },
        problem::{Problem, Result},
        scope::Client,
    },
    wire::{Id, Password, purge::Purge},
};
use tenantry::{access::passwords, purges::operation::Fate, tenants::State};
use tenantry_console::master::{Field, Kind, Note};

act! {
    /// `/master-admin/companies/{slug}/purge/`.
    ask purge: purging do_purge;
}

async fn purging(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("purge-lead");
    let (mut ask, tenant) = about(of, "purge-title", lead, words.say("purge-for-good")).await?;
    if tenant.state != State::Cancelled {
        ask.notes = vec![Note::warns(words.say("purge-not-closed"))];
        ask.button = "";
        return Ok(ask);
    }
    let survey = of.platform().purges().survey(&of.slug).await?;
    ask.facts = survey
        .traces
        .iter()
        .map(|trace| {
            let size = trace.bytes.map(|size| format!(", {}", words.bytes(size))).unwrap_or_default();
            let fate = match trace.fate {
                Fate::Removed => "fate-removed",
                Fate::Retained => "fate-stays",
                Fate::NotRemoved => "fate-not-removed",
            };
            let fate = words.say(fate);
            let what = format!("{} · {}", words.known(&human(&trace.what)), trace.place);
            (what, format!("{}{size}: {fate}", words.number(trace.count)))
        })
        .collect();
    let until = tenant.retirement.map(|ends| words.instant(ends.purges_at_us)).unwrap_or_default();
    ask.notes = vec![Note::warns(words.say("purge-warning"))];
    ask.fields = vec![
        Field::new("id", words.say("id"), Kind::Hidden).value(tenant.id.to_string()),
        Field::new("early", words.say("purge-early"), Kind::Check)
            .optional()
            .help(words.text("purge-early-help").with("until", until)),
        typed_slug(of),
        own_password(words),
    ];
    ask.danger = true;
    Ok(ask)
}

async fn do_purge(of: &StaffedOn, client: &Client, fields: &Fields) -> Result<String> {
    if fields.get("confirm").trim() != of.slug.as_str() {
        return Err(Problem::field("confirm", format!("type {}", of.slug)));
    }
    let id = fields.get("id").parse().map(Id).map_err(|_| Problem::absent())?;
    let confirm = fields.get("confirm").trim().to_owned();
    let password = Some(Password(passwords::Password::new(fields.get("password"))));
    let form = Purge { confirm, id, early: is_on(fields, "early"), password };
    Ok(running(&admin::purge(of.on(), client.clone(), at_once(), Json(form)).await?))
}
