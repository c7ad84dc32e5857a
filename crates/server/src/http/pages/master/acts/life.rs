//! Suspend, resume, maintenance, plan, slug, settings, missing databases, migration, cancellation.

use super::{about, act, done, is_on, plans, text, typed_slug};
use crate::{
    http::{
        admin,
        body::Json,
        pages::{
            master::form::Ask,
            visit::{Fields, StaffedOn},
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
    let words = of.words();
    let (mut ask, _) = about(of, "suspend-title", words.say("suspend-lead"), words.say("suspend")).await?;
    ask.fields =
        vec![Field::new("reason", words.say("reason"), Kind::Text).help(words.say("for-the-audit-log"))];
    ask.notes = vec![Note::says(words.say("suspend-note"))];
    ask.danger = true;
    Ok(ask)
}

async fn do_suspend(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let reason = fields.get("reason").to_owned();
    admin::suspend(of.on(), Json(Suspend { reason })).await?;
    Ok(done(of, "suspended"))
}

async fn resuming(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    Ok(about(of, "resume-title", words.say("members-can-enter"), words.say("resume")).await?.0)
}

async fn do_resume(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    admin::resume(of.on()).await?;
    Ok(done(of, "resumed"))
}

async fn maintaining(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("maintenance-lead");
    let (mut ask, tenant) = about(of, "maintenance-title", lead, words.say("close-for-maintenance")).await?;
    if let Some(reason) = &tenant.maintenance {
        ask.title = words.text("maintenance-end-title").with("name", tenant.called()).into();
        ask.lead = words.say("members-can-enter").into();
        ask.facts = vec![(words.say("closed-because").into(), reason.clone())];
        ask.button = words.say("open-it-again");
        return Ok(ask);
    }
    ask.fields =
        vec![Field::new("reason", words.say("reason"), Kind::Text).help(words.say("members-read-it"))];
    Ok(ask)
}

async fn do_maintain(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let on = fields.sent("reason").is_some();
    let form = Maintenance { on, reason: text(fields, "reason") };
    admin::maintenance(of.on(), Json(form)).await?;
    Ok(done(of, if on { "maintenance" } else { "open" }))
}

async fn planning(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("plan-lead");
    let (mut ask, tenant) = about(of, "plan-title", lead, words.say("save")).await?;
    let keep = || Choice::new("", words.say("as-it-is"));
    use tenantry::plans::State::{Active, Cancelled, Expired, PastDue, Trial};
    let states = [Trial, Active, PastDue, Cancelled, Expired];
    let states = states.map(|state| Choice::new(state.as_str(), words.subscription(state)));
    let states = std::iter::once(keep()).chain(states).collect();
    let now = tenant.subscription.map(|state| words.subscription(state)).unwrap_or_default();
    let days = tenant.days_remaining.map(|days| words.text("days-left").with("count", days).to_string());
    let days = days.unwrap_or_default();
    ask.facts = vec![
        (words.say("plan-now").into(), tenant.plan.unwrap_or_default()),
        (words.say("subscription-now").into(), format!("{now} {days}")),
    ];
    ask.fields = vec![
        Field::new("plan", words.say("plan"), Kind::Select(plans(&of.of.visit.app, keep()).await?)),
        Field::new("state", words.say("subscription"), Kind::Select(states)),
        Field::new("ends_at", words.say("until"), Kind::Date).optional().help(words.say("plan-until-help")),
        Field::new("move", words.say("plan-move"), Kind::Check).optional().help(words.say("plan-move-help")),
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
    let (plan, state) = (text(fields, "plan").map(Name), text(fields, "state"));
    let form = ChangePlan { plan, state, ends_at, r#move: is_on(fields, "move") };
    let changed = admin::change_plan(of.on(), Json(form)).await?.0;
    Ok(match changed.operation {
        Some(id) => format!("/master-admin/operations/{id}/"),
        None => done(of, "plan"),
    })
}

async fn renaming(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("rename-lead");
    let (mut ask, _) = about(of, "rename-title", lead, words.say("change-the-short-name")).await?;
    let help = words.say("rename-help");
    ask.fields =
        vec![Field::new("slug", words.say("new-short-name"), Kind::Text).value(of.slug.as_str()).help(help)];
    Ok(ask)
}

async fn do_rename(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let slug = Slug(fields.get("slug").trim().to_owned());
    let renamed = admin::rename(of.on(), Json(ChangeSlug { slug })).await?;
    Ok(format!("/master-admin/companies/{}/?_done=renamed", renamed.0.slug))
}

async fn setting(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("settings-json-lead");
    let (mut ask, _) = about(of, "settings-title", lead, words.say("save-the-settings")).await?;
    let settings = of.platform().tenants().settings(&of.slug).await?;
    let text = serde_json::to_string_pretty(&settings).unwrap_or_default();
    ask.fields = vec![Field::new("settings", words.say("settings"), Kind::Area).value(text)];
    Ok(ask)
}

async fn do_set(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let wanted = serde_json::from_str::<Map<String, Value>>(fields.get("settings"));
    let mut wanted =
        wanted.map_err(|error| Problem::field("settings", format!("is no JSON object: {error}")))?;
    let before = of.platform().tenants().settings(&of.slug).await?;
    // In a merge patch, null removes a setting.
    for name in before.as_object().into_iter().flat_map(Map::keys) {
        wanted.entry(name.clone()).or_insert(Value::Null);
    }
    admin::change_settings(of.on(), Json(SettingsPatch(wanted))).await?;
    Ok(done(of, "settings"))
}

async fn completing(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("databases-lead");
    Ok(about(of, "databases-title", lead, words.say("create-missing-databases")).await?.0)
}

async fn do_complete(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    admin::create_databases(of.on()).await?;
    Ok(done(of, "databases"))
}

async fn migrating(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("migrate-lead");
    Ok(about(of, "migrate-title", lead, words.say("migrate")).await?.0)
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
    let words = of.words();
    let lead = words.say("cancel-lead");
    let (mut ask, _) = about(of, "cancel-title", lead, words.say("cancel-the-company")).await?;
    let usual = &of.platform().config().retention;
    ask.notes = vec![Note::says(words.say("cancel-note"))];
    ask.fields = vec![
        Field::new("grace_days", words.say("cancel-grace"), Kind::Number).value(usual.grace_days.to_string()),
        Field::new("retention_days", words.say("cancel-retention"), Kind::Number)
            .value(usual.retention_days.to_string()),
        Field::new("reason", words.say("reason"), Kind::Text).optional(),
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
    let words = of.words();
    let lead = words.say("revoke-lead");
    Ok(about(of, "revoke-title", lead, words.say("revoke-the-cancellation")).await?.0)
}

async fn do_revoke(of: &StaffedOn, _: &Client, _: &Fields) -> Result<String> {
    admin::revoke_cancellation(of.on()).await?;
    Ok(done(of, "kept"))
}
