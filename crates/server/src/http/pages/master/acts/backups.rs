//! Backups of a company and their restores: take, verify, stage, compare, swap in, undo, discard.

use super::{about, act, at_once, done, own_password, prove, running};
use crate::{
    http::{
        admin,
        body::Json,
        pages::{
            master::form::Ask,
            visit::{Fields, StaffedOn, query},
        },
        problem::Result,
        scope::{Client, Staff},
    },
    wire::restore::StartRestore,
};
use axum::extract::Path;
use tenantry::backups::catalog::State;
use tenantry_console::master::{Choice, Field, Kind, Note};

act! {
    /// `/master-admin/companies/{slug}/back-up/`.
    ask_back_up back_up: backing_up do_back_up;
    /// `/master-admin/companies/{slug}/verify/`.
    ask_verify verify: verifying do_verify;
    /// `/master-admin/companies/{slug}/restore/`.
    ask_restore restore: restoring do_restore;
    /// `/master-admin/companies/{slug}/swap/`.
    ask_swap swap: swapping do_swap;
    /// `/master-admin/companies/{slug}/undo/`.
    ask_undo undo: undoing do_undo;
    /// `/master-admin/companies/{slug}/discard/`.
    ask_discard discard: discarding do_discard;
}

async fn backing_up(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    Ok(about(of, "back-up-title", words.say("back-up-lead"), words.say("back-up-now")).await?.0)
}

async fn do_back_up(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    Ok(running(&admin::back_up(of.on(), at_once()).await?))
}

/// Returns the field with the good backups of the company.
async fn choice(of: &StaffedOn) -> Result<Option<Field>> {
    let words = of.words();
    let backups = of.platform().backups().of_tenant(&of.slug, 200).await?;
    let good = backups.into_iter().filter(|backup| backup.state == State::Good);
    let label = |at: i64, rows: u64, size: u64| {
        format!(
            "{} · {} · {}",
            words.instant(at),
            words.text("rows-count").with("count", rows),
            words.bytes(size)
        )
    };
    let good: Vec<_> =
        good.map(|b| Choice::new(b.id.to_string(), label(b.at_us, b.rows, b.stored_bytes))).collect();
    let wanted = query(&of.of.visit.query).get("backup").to_owned();
    Ok((!good.is_empty())
        .then(|| Field::new("backup", words.say("api-backup"), Kind::Select(good)).value(wanted)))
}

/// Adds the choice of a backup, or a text that there is none.
async fn with_choice(of: &StaffedOn, mut ask: Ask) -> Result<Ask> {
    let words = of.words();
    match choice(of).await? {
        Some(field) => ask.fields.push(field),
        None => {
            ask.notes = vec![Note::warns(words.say("restore-no-backup"))];
            ask.button = "";
        }
    }
    Ok(ask)
}

async fn verifying(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("verify-lead");
    with_choice(of, about(of, "verify-title", lead, words.say("verify")).await?.0).await
}

async fn do_verify(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let on = of.on();
    let id = Path(fields.get("backup").to_owned());
    Ok(running(&admin::verify_backup(on.app, Staff(on.actor), id, at_once()).await?))
}

async fn restoring(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("restore-lead");
    let (mut ask, _) = about(of, "restore-title", lead, words.say("stage-the-backup")).await?;
    if of.platform().restores().staged(&of.slug).await?.is_some() {
        ask.notes = vec![Note::warns(words.say("restore-staged-already"))];
        ask.button = "";
        return Ok(ask);
    }
    with_choice(of, ask).await
}

async fn do_restore(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let form = StartRestore { backup: fields.get("backup").to_owned(), stores: None };
    Ok(running(&admin::start_restore(of.on(), at_once(), Json(form)).await?))
}

async fn swapping(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("swap-lead");
    let (mut ask, _) = about(of, "swap-title", lead, words.say("swap-it-in")).await?;
    let (restore, differences) = of.platform().restores().show(&of.slug).await?;
    ask.facts = vec![
        (words.say("api-backup").into(), restore.backup.to_string()),
        (words.say("staged-since").into(), words.instant(restore.at_us)),
    ];
    let mut changes = 0;
    for store in &differences {
        let Some(models) = &store.models else {
            ask.facts.push((store.store.to_string(), words.say("swap-lost").into()));
            continue;
        };
        for model in models.iter().filter(|m| m.added + m.changed + m.removed > 0) {
            changes += 1;
            let text = words
                .text("swap-counts")
                .with("added", model.added)
                .with("changed", model.changed)
                .with("removed", model.removed);
            ask.facts.push((model.model.clone(), text.into()));
        }
    }
    ask.notes = vec![Note::warns(words.say("swap-warning")), Note::says(words.say("swap-staff-note"))];
    if changes == 0 {
        ask.notes.push(Note::says(words.say("swap-no-difference")));
    }
    ask.fields = vec![own_password(words)];
    ask.danger = true;
    Ok(ask)
}

async fn do_swap(of: &StaffedOn, client: &Client, fields: &Fields) -> Result<String> {
    prove(&of.of, client, fields).await?;
    Ok(running(&admin::swap_restore(of.on(), at_once()).await?))
}

async fn undoing(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("undo-lead");
    let (mut ask, _) = about(of, "undo-title", lead, words.say("undo-the-restore")).await?;
    ask.notes = vec![Note::warns(words.say("undo-warning"))];
    ask.danger = true;
    Ok(ask)
}

async fn do_undo(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    Ok(running(&admin::undo_restore(of.on(), at_once()).await?))
}

async fn discarding(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("discard-lead");
    Ok(about(of, "discard-title", lead, words.say("discard")).await?.0)
}

async fn do_discard(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    admin::discard_restore(of.on()).await?;
    Ok(done(of, "discarded"))
}
