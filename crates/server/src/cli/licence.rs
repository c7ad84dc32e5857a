//! `tenantry licence …`: issues licences of tenants, and verifies their keys without any database.

use super::{
    args::Whole,
    plan::terms::{Limit, limit},
    setup::Place,
    table,
    user::operator,
};
use crate::wire::licence::{FeatureUsage, LicenceKey, ListedLicence};
use anyhow::{Context, Result, anyhow};
use clap::{Args, Subcommand};
use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt, path::PathBuf, process::ExitCode};
use tenantry::{
    Platform, clock,
    licences::{self, LicenceFilter, LicenceStatus, LicenceTerms, PublicKey, SigningKey},
    name::Slug,
};

/// Verbs of `tenantry licence`.
#[derive(Debug, Subcommand)]
pub(crate) enum Licence {
    /// List the licences of all tenants.
    List(Whole),
    /// Show the licence of a tenant with its key.
    Show {
        /// Slug of the tenant.
        tenant: Slug,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Issue a licence to a tenant, in place of the one that it has.
    Issue(Issue),
    /// Renew the licence of a tenant until another end. It gets a new key, and the previous key is revoked.
    Renew {
        /// Slug of the tenant.
        tenant: Slug,
        /// The new end, such as 2028-01-31T00:00:00Z. Default: no end.
        #[arg(long)]
        expires_at: Option<jiff::Timestamp>,
    },
    /// Suspend the licence of a tenant: it grants nothing until it is resumed.
    Suspend {
        /// Slug of the tenant.
        tenant: Slug,
    },
    /// Resume a suspended licence.
    Resume {
        /// Slug of the tenant.
        tenant: Slug,
    },
    /// Revoke the licence of a tenant and its key, for good.
    Revoke {
        /// Slug of the tenant.
        tenant: Slug,
    },
    /// Show what a tenant has used of its features, and what is left.
    Usage {
        /// Slug of the tenant.
        tenant: Slug,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check whether a tenant may use a feature now, without counting; exit status 1 if not.
    Check {
        /// Slug of the tenant.
        tenant: Slug,
        /// Name of the feature.
        feature: String,
    },
    /// Count a use of a feature by a tenant; exit status 1 if it is refused.
    Consume(Consume),
    /// Verify a licence key offline; exit status 1 if it is not valid.
    Verify(Verify),
    /// Make a private key that signs licences, in a new file that only its owner can read.
    Keygen {
        /// The file to create.
        file: PathBuf,
    },
    /// Print the public key that verifies licences, for products.
    PublicKey,
    /// Print the signed list of revoked keys.
    Revoked,
}

/// Options of `licence issue`.
#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// Slug of the tenant.
    tenant: Slug,
    /// Type, as the contract names it.
    #[arg(long = "type", value_name = "TYPE", default_value = "standard")]
    license_type: String,
    /// Start, such as 2027-01-31T00:00:00Z. Default: now.
    #[arg(long)]
    starts_at: Option<jiff::Timestamp>,
    /// End, such as 2028-01-31T00:00:00Z. Default: no end.
    #[arg(long)]
    expires_at: Option<jiff::Timestamp>,
    /// Number of days after the end in which the licence is still valid.
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    grace_days: u32,
    /// Features that the licence adds to those of the plan, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    features: Vec<String>,
    /// A limit that replaces that of the plan: users, rows, bytes, file_bytes, requests_per_second or concurrency. May be
    /// repeated.
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = limit)]
    limits: Vec<(Limit, Option<u64>)>,
    /// A quota of a feature, such as forecasts=1000/month, forecasts=1000/month/warn, or forecasts=1000/month/grace:10 for
    /// 10 percent more. The periods are day, month and total. May be repeated.
    #[arg(long = "quota", value_name = "NAME=LIMIT/PERIOD", value_parser = quota)]
    quotas: Vec<(String, licences::Quota)>,
}

/// Options of `licence consume`.
#[derive(Debug, Args)]
pub(crate) struct Consume {
    /// Slug of the tenant.
    tenant: Slug,
    /// Name of the feature.
    feature: String,
    /// Amount to count.
    #[arg(long, default_value_t = 1)]
    amount: u64,
    /// Idempotency key: the use is counted once within seven days, however often the command runs.
    #[arg(long)]
    key: Option<String>,
}

/// Options of `licence verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The licence key.
    key: String,
    /// File with the public key.
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    /// File with the signed list of revoked keys.
    #[arg(long, value_name = "FILE")]
    revoked: Option<PathBuf>,
    /// Time at which the key must be valid. Default: now.
    #[arg(long)]
    at: Option<jiff::Timestamp>,
}

/// Runs a verb on licences.
pub(super) async fn run(place: &Place, verb: &Licence) -> Result<ExitCode> {
    let set = async |slug: &Slug, status| {
        let platform = place.platform().await?;
        let licence = platform.licences().set_status(&operator(), slug, status).await?;
        say!("the licence of {slug} is {}", licence.state(platform.clock()));
        Ok(ExitCode::SUCCESS)
    };
    match verb {
        Licence::List(whole) => list(place, whole.json).await,
        Licence::Show { tenant, json } => {
            let platform = place.reading().await?;
            let licence = platform.licences().show(&operator(), tenant).await?;
            print(&platform, licence, *json)
        }
        Licence::Issue(options) => issue(place, options).await,
        Licence::Renew { tenant, expires_at } => {
            let platform = place.platform().await?;
            let end = expires_at.map(|at| at.as_microsecond());
            let licence = platform.licences().renew(&operator(), tenant, end).await?;
            print(&platform, licence, false)
        }
        Licence::Suspend { tenant } => set(tenant, LicenceStatus::Suspended).await,
        Licence::Resume { tenant } => set(tenant, LicenceStatus::Active).await,
        Licence::Revoke { tenant } => set(tenant, LicenceStatus::Revoked).await,
        Licence::Usage { tenant, json } => usage(place, tenant, *json).await,
        Licence::Check { tenant, feature } => check(place, tenant, feature).await,
        Licence::Consume(options) => consume(place, options).await,
        Licence::Verify(options) => verify(options),
        Licence::Keygen { file } => keygen(file),
        Licence::PublicKey => {
            say!("{}", place.reading().await?.licences().public_key()?.to_pem().trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Licence::Revoked => {
            let list = place.reading().await?.licences().revoked().await?;
            let none =
                "this installation issues no licences\n  remedy: name a key in licences.signing_key_file";
            say!("{}", list.context(none)?.0);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn list(place: &Place, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let next = async |last: Option<&licences::ListedLicence>| {
        let filter =
            LicenceFilter { after: last.map(|one| one.tenant), limit: table::PAGE, ..Default::default() };
        platform.licences().list(&operator(), &filter).await
    };
    let listed = table::every(next).await?;
    if json {
        return table::all::<ListedLicence>(listed.into_iter().map(|one| (one, platform.clock())));
    }
    let rows = listed.iter().map(|one| {
        let licence = &one.licence;
        let end = licence.expires_at_us.map_or_else(|| "-".into(), table::at);
        let state = licence.state(platform.clock()).to_owned();
        vec![one.slug.to_string(), licence.license_type.clone(), state, end, licence.key_id.clone()]
    });
    table::print(&["tenant", "type", "state", "expires", "key"], rows);
    Ok(ExitCode::SUCCESS)
}

async fn issue(place: &Place, options: &Issue) -> Result<ExitCode> {
    let mut terms = LicenceTerms {
        license_type: options.license_type.clone(),
        starts_at_us: options.starts_at.map(|at| at.as_microsecond()),
        expires_at_us: options.expires_at.map(|at| at.as_microsecond()),
        grace_days: options.grace_days,
        features: options.features.iter().cloned().collect(),
        quotas: options.quotas.iter().cloned().collect(),
        ..LicenceTerms::default()
    };
    for (limit, value) in &options.limits {
        *limit(&mut terms.limits) = *value;
    }
    let platform = place.platform().await?;
    let licence = platform.licences().issue(&operator(), &options.tenant, terms).await?;
    print(&platform, licence, false)
}

fn print(platform: &Platform, licence: licences::Licence, json: bool) -> Result<ExitCode> {
    if json {
        return table::json(&LicenceKey::from((licence, platform.clock())));
    }
    let line = |what: &str, value: &str| say!("  {what:<12} {value}");
    say!("{}: {}", licence.license_type, licence.state(platform.clock()));
    line("starts", &table::at(licence.starts_at_us));
    line("expires", &licence.expires_at_us.map_or_else(|| "never".into(), table::at));
    line("grace days", &licence.grace_days.to_string());
    line("features", &licence.features.iter().cloned().collect::<Vec<_>>().join(", "));
    for (feature, quota) in &licence.quotas {
        line("quota", &format!("{feature}: {}", shown(quota)));
    }
    line("key id", &licence.key_id);
    say!("{}", licence.key);
    Ok(ExitCode::SUCCESS)
}

/// Parses `NAME=LIMIT/PERIOD`, `NAME=LIMIT/PERIOD/warn` or `NAME=LIMIT/PERIOD/grace:PERCENT`.
fn quota(text: &str) -> Result<(String, licences::Quota), String> {
    let wrong = || {
        "write NAME=LIMIT/PERIOD, such as forecasts=1000/month or forecasts=1000/month/grace:10".to_owned()
    };
    let (feature, terms) = text.split_once('=').ok_or_else(wrong)?;
    let mut parts = terms.split('/');
    let limit = parts.next().and_then(|limit| limit.parse().ok()).ok_or_else(wrong)?;
    let period = licences::Period::parse(parts.next().ok_or_else(wrong)?).map_err(|_| wrong())?;
    let (at_limit, grace) = match parts.next() {
        None => ("refuse", "0"),
        Some(policy) => policy.split_once(':').unwrap_or((policy, "0")),
    };
    let at_limit = licences::AtLimit::parse(at_limit).map_err(|_| wrong())?;
    let grace_percent = grace.parse().map_err(|_| wrong())?;
    match parts.next() {
        Some(_) => Err(wrong()),
        None => Ok((feature.to_owned(), licences::Quota { limit, period, at_limit, grace_percent })),
    }
}

fn shown(quota: &licences::Quota) -> String {
    let grace = if quota.grace_percent > 0 { format!(" {} %", quota.grace_percent) } else { String::new() };
    format!("{} per {}, then {}{grace}", quota.limit, quota.period.as_str(), quota.at_limit.as_str())
}

async fn usage(place: &Place, tenant: &Slug, json: bool) -> Result<ExitCode> {
    let all = place.reading().await?.licences().usage(&operator(), tenant).await?;
    if json {
        return table::all::<FeatureUsage>(all);
    }
    let rows = all.iter().map(|one| {
        let quota = one.quota.as_ref().map_or_else(|| "-".into(), shown);
        let left = one.remaining.map_or_else(|| "-".into(), |left| left.to_string());
        let (day, month, total) = (one.day.to_string(), one.month.to_string(), one.total.to_string());
        vec![one.feature.clone(), day, month, total, left, quota]
    });
    table::print(&["feature", "day", "month", "total", "left", "quota"], rows);
    Ok(ExitCode::SUCCESS)
}

async fn check(place: &Place, tenant: &Slug, feature: &str) -> Result<ExitCode> {
    let all = place.reading().await?.licences().usage(&operator(), tenant).await?;
    match all.iter().find(|one| one.feature == feature) {
        Some(one) if one.is_granted && one.remaining != Some(0) => {
            let left = one.remaining.map_or_else(|| "no limit".into(), |left| format!("{left} left"));
            say!("{tenant} may use {feature}: {left}");
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(anyhow!(
            "{tenant} may not use {feature} now\n  remedy: see tenantry licence usage {tenant}; issue a licence with the \
             feature or a larger quota"
        )),
    }
}

async fn consume(place: &Place, options: &Consume) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let (tenant, feature) = (&options.tenant, &options.feature);
    let key = options.key.as_deref();
    let used = platform.licences().consume(&operator(), tenant, feature, options.amount, key).await?;
    let left = used.usage.remaining.map_or_else(|| "no limit".into(), |left| format!("{left} left"));
    let what = if used.is_repeated { "was counted before" } else { "counted" };
    say!("{feature}: {} {what}, {left}", options.amount);
    if let Some(notice) = used.notice() {
        say!("{notice}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Verifies a key with files alone.
fn verify(options: &Verify) -> Result<ExitCode> {
    let read = |file: &PathBuf| fs::read_to_string(file).with_context(|| file.display().to_string());
    let public = PublicKey::parse(&read(&options.public_key)?)?;
    let revoked =
        options.revoked.as_ref().map(|file| anyhow::Ok(public.verify_revoked(&read(file)?)?)).transpose()?;
    let at = options.at.unwrap_or_else(jiff::Timestamp::now).as_microsecond();
    let claims = public.verify(options.key.trim(), at, revoked.as_ref())?;
    let end = claims.ends_at_us.map_or_else(|| "no end".into(), |end| clock::iso(end).unwrap_or_default());
    say!("valid: {} of {}, until {end}", claims.license_type, claims.slug);
    say!("features: {}", claims.features.iter().cloned().collect::<Vec<_>>().join(", "));
    say!("key {} of installation {}", claims.id, claims.installation);
    Ok(ExitCode::SUCCESS)
}

/// Creates the file of a private key. It never replaces a file, and never prints the key.
fn keygen(file: &PathBuf) -> Result<ExitCode> {
    let text = SigningKey::generate()?;
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut made = made
        .map_err(|error| anyhow!("{}: {error}\n  remedy: name a file that does not exist", file.display()))?;
    made.write_all(text.as_bytes())?;
    made.sync_all()?;
    say!(
        "{}: name it in licences.signing_key_file, and keep a copy: without it no licence can be renewed",
        file.display()
    );
    say!("{}", SigningKey::parse(&text)?.public().to_pem().trim_end());
    Ok(ExitCode::SUCCESS)
}
