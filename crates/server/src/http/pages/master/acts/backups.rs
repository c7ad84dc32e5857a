//! Backups of a company and their restores: take, verify, stage, compare, swap in, undo, discard.

use super::{about, act, at_once, done, own_password, prove, running};
use crate::{
    http::{
        admin,
        body::Json,
        pages::{
            master::form::Ask,
            visit::{Fields, StaffedOn, query},
            words::{bytes, instant, many},
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
    Ok(about(of, "Back up {}", "Takes a backup now. Its members work on meanwhile.", "Back up now").await?.0)
}

async fn do_back_up(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    Ok(running(&admin::back_up(of.on(), at_once()).await?))
}

/// Returns the field with the good backups of the company.
async fn choice(of: &StaffedOn) -> Result<Option<Field>> {
    let backups = of.platform().backups().of_tenant(&of.slug, 200).await?;
    let good = backups.into_iter().filter(|backup| backup.state == State::Good);
    let label = |at: i64, rows: u64, size: u64| {
        format!("{} · {} · {}", instant(at), many(rows, "row", "rows"), bytes(size))
    };
    let good: Vec<_> =
        good.map(|b| Choice::new(b.id.to_string(), label(b.at_us, b.rows, b.stored_bytes))).collect();
    let wanted = query(&of.of.visit.query).get("backup").to_owned();
    Ok((!good.is_empty()).then(|| Field::new("backup", "Backup", Kind::Select(good)).value(wanted)))
}

/// Adds the choice of a backup, or says that there is none.
async fn with_choice(of: &StaffedOn, mut ask: Ask) -> Result<Ask> {
    match choice(of).await? {
        Some(field) => ask.fields.push(field),
        None => {
            ask.notes = vec![Note::warns("There is no good backup of this company. Take one first.")];
            ask.button = "";
        }
    }
    Ok(ask)
}

async fn verifying(of: &StaffedOn) -> Result<Ask> {
    let lead =
        "Fetches the backup and compares every object, every database and every row count with its manifest.";
    with_choice(of, about(of, "Verify a backup of {}", lead, "Verify").await?.0).await
}

async fn do_verify(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let on = of.on();
    let id = Path(fields.get("backup").to_owned());
    Ok(running(&admin::verify_backup(on.app, Staff(on.actor), id, at_once()).await?))
}

async fn restoring(of: &StaffedOn) -> Result<Ask> {
    let lead = "Stages the backup beside the data in use. Nothing changes until you have compared it and swap it in.";
    let (mut ask, _) = about(of, "Restore a backup of {}", lead, "Stage the backup").await?;
    if of.platform().restores().staged(&of.slug).await?.is_some() {
        ask.notes = vec![Note::warns("A restore is staged already. Swap it in, or discard it first.")];
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
    let lead = "Replaces the data in use by the staged backup.";
    let (mut ask, _) = about(of, "Swap in the staged restore of {}", lead, "Swap it in").await?;
    let (restore, differences) = of.platform().restores().show(&of.slug).await?;
    ask.facts =
        vec![("Backup".into(), restore.backup.to_string()), ("Staged since".into(), instant(restore.at_us))];
    let mut changes = 0;
    for store in &differences {
        let Some(models) = &store.models else {
            ask.facts.push((store.store.to_string(), "the database in use is lost".into()));
            continue;
        };
        for model in models.iter().filter(|m| m.added + m.changed + m.removed > 0) {
            changes += 1;
            let text = format!("{} come back, {} change, {} go", model.added, model.changed, model.removed);
            ask.facts.push((model.model.clone(), text));
        }
    }
    ask.notes = vec![
        Note::warns(
            "What was written since the backup is not in it. The data in use now is retained, and the swap can be undone.",
        ),
        Note::says(
            "Staff see no rows. Enter the company system as an owner to see which records differ, and to take single ones back.",
        ),
    ];
    if changes == 0 {
        ask.notes.push(Note::says("The backup and the data in use do not differ."));
    }
    ask.fields = vec![own_password()];
    ask.danger = true;
    Ok(ask)
}

async fn do_swap(of: &StaffedOn, client: &Client, fields: &Fields) -> Result<String> {
    prove(&of.of, client, fields).await?;
    Ok(running(&admin::swap_restore(of.on(), at_once()).await?))
}

async fn undoing(of: &StaffedOn) -> Result<Ask> {
    let lead = "Uses the data again that was in use before the last swap.";
    let (mut ask, _) = about(of, "Undo the last restore of {}", lead, "Undo the restore").await?;
    ask.notes = vec![Note::warns("What was written since the swap is then out of use.")];
    ask.danger = true;
    Ok(ask)
}

async fn do_undo(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    Ok(running(&admin::undo_restore(of.on(), at_once()).await?))
}

async fn discarding(of: &StaffedOn) -> Result<Ask> {
    let lead = "Removes the staged copy. The backup itself and the data in use stay.";
    Ok(about(of, "Discard the staged restore of {}", lead, "Discard").await?.0)
}

async fn do_discard(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    admin::discard_restore(of.on()).await?;
    Ok(done(of, "discarded"))
}
