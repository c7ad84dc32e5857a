//! Texts of errors for clients: a description, and a remedy.

use super::{Error, engine, fields};
use crate::access::step_up::FRESH_MINUTES;
use tenantry_engine::Kind;

impl Error {
    /// Returns the text for clients, which describes the error without private detail.
    pub fn public_title(&self) -> String {
        match self {
            Self::NotFound(what) => format!("no such {what}"),
            Self::Unauthenticated(_) => "not signed in".into(),
            Self::Denied(_) => "you may not do this".into(),
            Self::ConfirmationRequired => "confirm first that it is you".into(),
            Self::Invalid { field, reason } => format!("{field}: {reason}"),
            Self::InvalidFields(fields) => fields::text(fields),
            Self::Conflict(what) | Self::Occupied(what) => what.clone(),
            Self::BackupDamaged { backup, how } => format!("backup {backup} is damaged: {how}"),
            Self::CopyDiffers { slug, store, how, .. } => {
                format!(
                    "the copy of {slug} in store {store} differs from the original, which stays in use: {how}"
                )
            }
            Self::Cancelled => "the operation was cancelled".into(),
            Self::VersionConflict(_) => "the record was changed by somebody else".into(),
            Self::LimitExceeded { limit } => format!("the plan's limit on {limit} is reached"),
            Self::FeatureRequired { feature } => {
                format!("the feature {feature} is not part of the plan or licence")
            }
            Self::QuotaReached { feature, limit, period, .. } => {
                format!("the quota of {feature} is used up: {limit} ({period})")
            }
            Self::SubscriptionRequired => "a live subscription is required".into(),
            Self::TenantSuspended => "this account is suspended".into(),
            Self::Maintenance(reason) => format!("closed for maintenance: {reason}"),
            Self::NoDatabase { slug, .. } | Self::NotAttached { slug, .. } => {
                format!("{slug} has no database yet")
            }
            Self::DatabaseLost { slug, .. } => format!("the database of {slug} is not where it should be"),
            Self::Superseded { slug, .. } => format!(
                "the database of {slug} was replaced by a newer one that the catalog does not know; nothing was written"
            ),
            Self::MigrationsPending { slug, reason: None, .. } => {
                format!("the database of {slug} is behind: migrations have not run")
            }
            Self::MigrationsPending { slug, reason: Some(reason), .. } => {
                format!("the database of {slug} is behind, because its migration failed: {reason}")
            }
            Self::StoreBehind { store, reason: None, .. } => {
                format!("the store {store} is behind: migrations have not run")
            }
            Self::StoreBehind { store, reason: Some(reason), .. } => {
                format!("the store {store} is behind, because its migration failed: {reason}")
            }
            Self::ServerOutdated { slug, store, .. } => {
                format!("this process has older apps than the database of {slug} in store {store}")
            }
            Self::DatabaseDamaged { .. } => engine::title(&Kind::Corrupt),
            Self::MasterDataEmpty { what } => format!("the master data has no {what} yet"),
            Self::RateLimited { .. } => "too many requests or attempts".into(),
            Self::Unavailable(_) => "not available right now".into(),
            Self::BackupTarget(_) => "the backup store cannot be used".into(),
            Self::DiskFull(_) => engine::title(&Kind::DiskFull),
            Self::NoAccess(_) => "the server may not use a file of its own".into(),
            Self::Internal(_) => "something went wrong on our side".into(),
            Self::OutcomeUnknown { .. } => engine::title(&Kind::InDoubt),
            Self::Engine(e) => engine::title(e.kind()),
        }
    }

    /// Returns the remedy for the reader, if there is one.
    pub fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Unauthenticated(_) => "sign in, or send a valid token or API key".into(),
            Self::ConfirmationRequired => format!(
                "send your password as `password`, or sign in again: for {FRESH_MINUTES} minutes that is enough"
            ),
            Self::OutcomeUnknown { .. } => {
                "ask GET /api/outcomes/{id} with the id in `outcome`, or look, whether the change is there; repeat it only if \
                 it is not"
                    .into()
            }
            Self::VersionConflict(_) => "read the record again and repeat the change on it".into(),
            Self::LimitExceeded { .. } => "remove something or change to a larger plan".into(),
            Self::FeatureRequired { feature } => {
                format!("choose a plan, or ask for a licence, with the feature {feature}")
            }
            Self::QuotaReached { resets_in_s: None, .. } => "ask for a licence with a larger quota".into(),
            Self::QuotaReached { period, .. } => {
                format!("wait for the next {period}, or ask for a licence with a larger quota")
            }
            Self::SubscriptionRequired => "choose a plan or renew the subscription".into(),
            Self::TenantSuspended => "ask the platform's staff to resume it".into(),
            Self::Maintenance(_) => "try again later: nothing was lost".into(),
            Self::BackupDamaged { .. } => "restore an older backup; see: tenantry backup list".into(),
            Self::CopyDiffers { slug, .. } => format!(
                "start the move again; if the copy differs again, look for the cause: tenantry check --tenant {slug}"
            ),
            Self::NoDatabase { slug, .. } => format!("run: tenantry tenant create-database {slug}"),
            Self::Superseded { slug, .. } => format!(
                "the platform's staff see what is there (tenantry check), then restore a backup: tenantry restore swap \
                 {slug} latest"
            ),
            Self::DatabaseLost { slug, .. } => format!(
                "look whether its disk is there; else restore a backup: tenantry restore swap {slug} latest; or, for an \
                 empty one: tenantry tenant create-database {slug}"
            ),
            // Either the tenant or the pool must be restored; the check finds out which.
            Self::DatabaseDamaged { is_pooled: true, .. } => {
                return engine::remedy(&Kind::Corrupt).map(Into::into);
            }
            Self::DatabaseDamaged { slug, .. } => {
                format!("an operator restores it: tenantry restore swap {slug} latest")
            }
            Self::NotAttached { slug, store } => {
                format!("its owner makes it, then run: tenantry attach {slug} --store {store} --url-file FILE")
            }
            Self::MigrationsPending { slug, reason, is_external, .. } => {
                let first = if reason.is_some() { "remove the reason, then " } else { "" };
                let external = if *is_external { " --external" } else { "" };
                format!("{first}run: tenantry migrate tenants --tenant {slug}{external}")
            }
            Self::StoreBehind { reason, .. } => {
                let first = if reason.is_some() { "remove the reason, then " } else { "" };
                format!("{first}run: tenantry migrate system")
            }
            Self::ServerOutdated { .. } => return engine::remedy(&Kind::SchemaAhead).map(Into::into),
            Self::MasterDataEmpty { what } if what == "plans" => "run: tenantry plan init".into(),
            Self::MasterDataEmpty { what } => format!("load {what}: platform staff can add or import them"),
            Self::RateLimited { retry_after_seconds } => {
                format!("wait {}", super::counted::counted(*retry_after_seconds, "second"))
            }
            Self::Unavailable(_) => "try again in a moment".into(),
            Self::BackupTarget(_) => "an operator sees to backups.target; look with: tenantry check".into(),
            Self::DiskFull(_) => return engine::remedy(&Kind::DiskFull).map(Into::into),
            Self::NoAccess(_) => return engine::remedy(&Kind::NoAccess).map(Into::into),
            Self::Engine(e) => return engine::remedy(e.kind()).map(Into::into),
            _ => return None,
        })
    }
}
