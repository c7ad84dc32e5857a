//! Suspend, resume, maintenance, plan, slug, settings, missing databases, migration, cancellation.

use super::{about, act, done, plans, text, typed_slug};
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
    wire::{
        Instant, Name, Slug,
        tenant::{Cancel, ChangePlan, ChangeSlug, Maintenance, SettingsPatch, Suspend},
    },
};
use serde_json::{Map, Value};
use tenantry_console::master::{Choice, Field, Kind, Note};

act! {
    /// `/master-admin/companies/{slug}/suspend/`.
    ask_suspend suspend: suspending do_suspend;
    /// `/master-admin/companies/{slug}/resume/`.
    ask_resume resume: resuming do_resume;
    /// `/master-admin/companies/{slug}/maintenance/`.
    ask_maintenance maintenance: maintaining do_maintain;
    /// `/master-admin/companies/{slug}/plan/`.
    ask_plan plan: planning do_plan;
    /// `/master-admin/companies/{slug}/rename/`.
    ask_rename rename: renaming do_rename;
    /// `/master-admin/companies/{slug}/settings/`.
    ask_settings settings: setting do_set;
    /// `/master-admin/companies/{slug}/databases/`.
    ask_databases databases: completing do_complete;
    /// `/master-admin/companies/{slug}/migrate/`.
    ask_migrate migrate: migrating do_migrate;
    /// `/master-admin/companies/{slug}/cancel/`.
    ask_cancel cancel: cancelling do_cancel;
    /// `/master-admin/companies/{slug}/revoke/`.
    ask_revoke revoke: revoking do_revoke;
}

async fn suspending(of: &StaffedOn) -> Result<Ask> {
    let (mut ask, _) = about(of, "Suspend {}", "Nobody can enter it until it is resumed.", "Suspend").await?;
    ask.fields = vec![Field::new("reason", "Reason", Kind::Text).help("For the audit log.")];
    ask.notes = vec![Note::says("Its data stays as it is, and its backups go on.")];
    ask.danger = true;
    Ok(ask)
}

async fn do_suspend(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let reason = fields.get("reason").to_owned();
    admin::suspend(of.on(), Json(Suspend { reason })).await?;
    Ok(done(of, "suspended"))
}

async fn resuming(of: &StaffedOn) -> Result<Ask> {
    Ok(about(of, "Resume {}", "Its members can enter it again.", "Resume").await?.0)
}

async fn do_resume(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    admin::resume(of.on()).await?;
    Ok(done(of, "resumed"))
}

async fn maintaining(of: &StaffedOn) -> Result<Ask> {
    let lead = "Members get a page that says why. Staff can still enter.";
    let (mut ask, tenant) = about(of, "Close {} for maintenance", lead, "Close for maintenance").await?;
    if let Some(reason) = tenant.maintenance {
        ask.title = format!("End the maintenance of {}", tenant.name);
        ask.lead = "Its members can enter it again.".into();
        ask.facts = vec![("Closed because".into(), reason)];
        ask.button = "Open it again";
        return Ok(ask);
    }
    ask.fields = vec![Field::new("reason", "Reason", Kind::Text).help("Members read it.")];
    Ok(ask)
}

async fn do_maintain(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let on = fields.sent("reason").is_some();
    let form = Maintenance { on, reason: text(fields, "reason") };
    admin::maintenance(of.on(), Json(form)).await?;
    Ok(done(of, if on { "maintenance" } else { "open" }))
}

async fn planning(of: &StaffedOn) -> Result<Ask> {
    let lead = "Limits of another plan hold at once.";
    let (mut ask, tenant) = about(of, "Plan and subscription of {}", lead, "Save").await?;
    let keep = || Choice::new("", "As it is");
    let states = ["trial", "active", "past_due", "cancelled", "expired"];
    let states =
        std::iter::once(keep()).chain(states.map(|state| Choice::new(state, human(state)))).collect();
    let now = tenant.subscription.map(|state| human(state.as_str())).unwrap_or_default();
    let days = tenant.days_remaining.map(|days| format!("{days} days left")).unwrap_or_default();
    ask.facts = vec![
        ("Plan now".into(), tenant.plan.unwrap_or_default()),
        ("Subscription now".into(), format!("{now} {days}")),
    ];
    ask.fields = vec![
        Field::new("plan", "Plan", Kind::Select(plans(&of.of.visit.app, keep()).await?)),
        Field::new("state", "Subscription", Kind::Select(states)),
        Field::new("ends_at", "Until", Kind::Date).optional().help("The last day. Empty: open-ended."),
    ];
    Ok(ask)
}

async fn do_plan(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let day = |text: &str| -> Option<Instant> {
        let after = text.parse::<jiff::civil::Date>().ok()?.tomorrow().ok()?;
        Some(Instant(after.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond()))
    };
    let ends_at = match fields.filled("ends_at") {
        Some(text) => Some(day(text).ok_or_else(|| Problem::field("ends_at", "is no date"))?),
        None => None,
    };
    let form = ChangePlan { plan: text(fields, "plan").map(Name), state: text(fields, "state"), ends_at };
    admin::change_plan(of.on(), Json(form)).await?;
    Ok(done(of, "plan"))
}

async fn renaming(of: &StaffedOn) -> Result<Ask> {
    let lead = "The short name is in addresses. The former one stays reserved for ever.";
    let (mut ask, _) = about(of, "Short name of {}", lead, "Change the short name").await?;
    let help = "3 to 40 small letters, digits and hyphens.";
    ask.fields = vec![Field::new("slug", "New short name", Kind::Text).value(of.slug.as_str()).help(help)];
    Ok(ask)
}

async fn do_rename(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let slug = Slug(fields.get("slug").trim().to_owned());
    let renamed = admin::rename(of.on(), Json(ChangeSlug { slug })).await?;
    Ok(format!("/master-admin/companies/{}/?_done=renamed", renamed.0.slug))
}

async fn setting(of: &StaffedOn) -> Result<Ask> {
    let lead =
        "A JSON object. The platform reads external_id only: the company's name at other issuers of tokens.";
    let (mut ask, _) = about(of, "Settings of {}", lead, "Save the settings").await?;
    let settings = of.platform().tenants().settings(&of.slug).await?;
    let text = serde_json::to_string_pretty(&settings).unwrap_or_default();
    ask.fields = vec![Field::new("settings", "Settings", Kind::Area).value(text)];
    Ok(ask)
}

async fn do_set(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let wanted = serde_json::from_str::<Map<String, Value>>(fields.get("settings"));
    let mut wanted =
        wanted.map_err(|error| Problem::field("settings", format!("is no JSON object: {error}")))?;
    let before = of.platform().tenants().settings(&of.slug).await?;
    // A merge patch removes what is null.
    for name in before.as_object().into_iter().flat_map(Map::keys) {
        wanted.entry(name.clone()).or_insert(Value::Null);
    }
    admin::change_settings(of.on(), Json(SettingsPatch(wanted))).await?;
    Ok(done(of, "settings"))
}

async fn completing(of: &StaffedOn) -> Result<Ask> {
    let lead = "Creates the databases that the company should have and has not. Others stay as they are.";
    Ok(about(of, "Missing databases of {}", lead, "Create missing databases").await?.0)
}

async fn do_complete(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    admin::create_databases(of.on()).await?;
    Ok(done(of, "databases"))
}

async fn migrating(of: &StaffedOn) -> Result<Ask> {
    let lead = "Brings its databases to the schema of the apps. Its requests wait meanwhile.";
    Ok(about(of, "Migrate {}", lead, "Migrate").await?.0)
}

async fn do_migrate(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    let migrated = admin::migrate_tenant(of.on()).await?;
    let failed: Vec<_> = migrated.0.items.iter().flat_map(|store| &store.failed).cloned().collect();
    match failed.is_empty() {
        true => Ok(done(of, "migrated")),
        false => Err(tenantry::Error::Conflict(failed.join("; ")).into()),
    }
}

async fn cancelling(of: &StaffedOn) -> Result<Ask> {
    let lead = "It can be used for the grace period, then it is closed. Its data is retained, and removed after that.";
    let (mut ask, _) = about(of, "Cancel {}", lead, "Cancel the company").await?;
    let usual = &of.platform().config().retention;
    ask.notes = vec![Note::says("Until its data is removed, the cancellation can be revoked.")];
    ask.fields = vec![
        Field::new("grace_days", "Days of use that are left", Kind::Number)
            .value(usual.grace_days.to_string()),
        Field::new("retention_days", "Days for which data is retained after that", Kind::Number)
            .value(usual.retention_days.to_string()),
        Field::new("reason", "Reason", Kind::Text).optional(),
        typed_slug(of),
    ];
    ask.danger = true;
    Ok(ask)
}

async fn do_cancel(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let days = |name: &'static str| {
        let text = fields.get(name).trim();
        text.parse().map(Some).map_err(|_| Problem::field(name, "is no number of days"))
    };
    let form = Cancel {
        confirm: fields.get("confirm").trim().to_owned(),
        reason: text(fields, "reason"),
        grace_days: days("grace_days")?,
        retention_days: days("retention_days")?,
    };
    admin::cancel(of.on(), Json(form)).await?;
    Ok(done(of, "cancelled"))
}

async fn revoking(of: &StaffedOn) -> Result<Ask> {
    let lead = "It goes on as before. Nothing is removed.";
    Ok(about(of, "Revoke the cancellation of {}", lead, "Revoke the cancellation").await?.0)
}

async fn do_revoke(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    admin::revoke_cancellation(of.on()).await?;
    Ok(done(of, "kept"))
}
