//! `/admin/plans/{code}/place/`: moves the companies of a plan to servers that fit it.

use super::{keyed, platform};
use crate::http::{
    pages::{
        master::form::Ask,
        visit::{Fields, Oneself},
    },
    problem::Result,
    scope::Client,
};
use tenantry::moves::USUAL_PARALLEL;
use tenantry_console::Face;

keyed! {
    Staffed ask_place place: placing do_place;
}

async fn placing(of: &Oneself, code: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let plan = super::plans::found(of, code).await?;
    let misplaced = platform(of).moves().misplaced_on(&of.actor, code).await?;
    Ok(Ask {
        title: of.visit.text("plan-place-title").with("name", &plan.spec.name).into(),
        face: Face::Staff,
        back: (format!("/admin/plans/{code}/"), plan.spec.name),
        lead: words.say("plan-place-lead").into(),
        facts: vec![
            (words.say("plan-servers").into(), plan.spec.servers.to_string()),
            (words.say("plan-misplaced").into(), words.number(misplaced)),
        ],
        button: words.say("plan-place"),
        ..Ask::default()
    })
}

async fn do_place(of: &Oneself, _: &Client, code: &str, _: &Fields) -> Result<String> {
    let id = platform(of).moves().place(&of.actor, code, USUAL_PARALLEL).await?;
    Ok(format!("/master-admin/operations/{id}/"))
}
