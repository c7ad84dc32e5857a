//! Conversion of domain errors to problems, in one place for all routes.
//!
//! Handlers use it through `?`. The public text comes from the domain error; everything else goes to the log.

use super::{Code, FieldProblem, Problem};
use tenantry::error::{FieldError, Rule};

/// Value of Retry-After for a tenant in maintenance mode, in seconds.
const MAINTENANCE_RETRY_S: u64 = 60;
/// Value of Retry-After for a database server that does not answer, in seconds.
const UNREACHABLE_RETRY_S: u64 = 5;
/// Value of Retry-After for a server with outdated apps, in seconds. The server is about to be updated.
const OUTDATED_RETRY_S: u64 = 5;

impl From<tenantry::Error> for Problem {
    fn from(error: tenantry::Error) -> Self {
        // A code that this server does not know is an internal error, because no status should be guessed.
        let code = Code::parse(error.code()).unwrap_or(Code::Internal);
        let mut problem = Problem::new(code, sentence(error.public_title()))
            .private(error.to_string())
            .fault(error.is_fault());
        if let Some(remedy) = error.remedy() {
            problem = problem.remedy(remedy);
        }
        match &error {
            tenantry::Error::Invalid { field, reason } => problem.and_field(field, reason),
            tenantry::Error::InvalidFields(fields) => problem.fields(fields.iter().map(FieldProblem::from)),
            tenantry::Error::RateLimited { retry_after_seconds } => problem.retry_after(*retry_after_seconds),
            tenantry::Error::QuotaReached { resets_in_s: Some(seconds), .. } => problem.retry_after(*seconds),
            tenantry::Error::OutcomeUnknown { id, .. } => problem.outcome(id),
            tenantry::Error::Unavailable(_) => problem.retry_after(1),
            tenantry::Error::Maintenance(_) => problem.retry_after(MAINTENANCE_RETRY_S),
            tenantry::Error::ServerOutdated { .. } => problem.retry_after(OUTDATED_RETRY_S),
            tenantry::Error::Engine(engine) => {
                let problem = match engine.file() {
                    Some(file) => problem.file(file.display().to_string()),
                    None => problem,
                };
                from_engine(problem, engine.kind())
            }
            _ => problem,
        }
    }
}

fn from_engine(problem: Problem, kind: &tenantry::EngineErrorKind) -> Problem {
    use tenantry::EngineErrorKind as Kind;
    match kind {
        Kind::Invalid(field, reason) => problem.and_field(field, reason),
        Kind::Unique(fields) => {
            let taken = |field| FieldError::new(field, Rule::Taken, "is taken");
            problem.fields(fields.iter().map(taken).map(|wrong| FieldProblem::from(&wrong)))
        }
        Kind::Reference(model) => problem.and_field(model, "refers to this record"),
        Kind::Statement(message) => problem.and_field("sql", message),
        Kind::Fenced | Kind::Busy | Kind::Outdated => problem.retry_after(1),
        Kind::Unreachable => problem.retry_after(UNREACHABLE_RETRY_S),
        Kind::SchemaAhead | Kind::FormatAhead => problem.retry_after(OUTDATED_RETRY_S),
        _ => problem,
    }
}

/// Capitalises the first letter and adds a full stop, because the domain's texts are fragments. A name at the start, of
/// a field or a tenant, stays unchanged.
pub(in crate::http) fn sentence(text: String) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return text };
    let is_name = !word.chars().all(|letter| letter.is_alphabetic() || letter == '\'');
    let mut out: String = if is_name { text.clone() } else { first.to_uppercase().chain(letters).collect() };
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenantry::{EngineError, EngineErrorKind as Kind, Error};

    #[test]
    fn names_keep_their_letters_and_words_become_sentences() {
        for (text, said) in [
            ("born_on: is required", "born_on: is required."),
            ("slug: too short", "slug: too short."),
            ("city-hospital has no database yet", "city-hospital has no database yet."),
            ("you may not do this", "You may not do this."),
            ("the plan's limit on rows is reached", "The plan's limit on rows is reached."),
        ] {
            assert_eq!(sentence(text.into()), said);
        }
    }

    #[test]
    fn every_domain_code_has_its_own_problem() {
        let engine = |kind| Error::Engine(EngineError::new(kind, "private"));
        let all = [
            (Error::NotFound("tenant"), 404),
            (Error::Unauthenticated("private".into()), 401),
            (Error::Denied("private".into()), 403),
            (Error::ConfirmationRequired, 403),
            (Error::invalid("name", "is empty"), 422),
            (Error::Conflict("taken".into()), 409),
            (
                Error::CopyDiffers {
                    slug: "acme".into(),
                    store: "tenant".into(),
                    from: "private".into(),
                    how: "1 record".into(),
                },
                409,
            ),
            (Error::Cancelled, 409),
            (Error::VersionConflict(3), 412),
            (Error::LimitExceeded { limit: "rows" }, 403),
            (Error::SubscriptionRequired, 402),
            (Error::TenantSuspended, 403),
            (Error::Maintenance("moving house".into()), 503),
            (Error::NoDatabase { slug: "acme".into(), store: "tenant".into() }, 503),
            (
                Error::DatabaseLost { slug: "acme".into(), store: "tenant".into(), detail: "private".into() },
                503,
            ),
            (
                Error::DatabaseDamaged {
                    slug: "acme".into(),
                    store: "tenant".into(),
                    is_pooled: false,
                    detail: "private".into(),
                },
                503,
            ),
            (Error::NotAttached { slug: "acme".into(), store: "djo".into() }, 503),
            (
                Error::MigrationsPending {
                    slug: "acme".into(),
                    store: "tenant".into(),
                    reason: None,
                    is_external: false,
                    detail: "private".into(),
                },
                503,
            ),
            (
                Error::ServerOutdated {
                    slug: "acme".into(),
                    store: "tenant".into(),
                    detail: "private".into(),
                },
                503,
            ),
            (Error::StoreBehind { store: "shared".into(), reason: None, detail: "private".into() }, 503),
            (engine(Kind::SchemaBehind), 503),
            (engine(Kind::SchemaAhead), 503),
            (engine(Kind::FormatAhead), 503),
            (Error::MasterDataEmpty { what: "plans".into() }, 409),
            (Error::RateLimited { retry_after_seconds: 7 }, 429),
            (Error::FeatureRequired { feature: "forecasts".into() }, 403),
            (
                Error::QuotaReached {
                    feature: "forecasts".into(),
                    limit: 5,
                    period: "day",
                    resets_in_s: Some(7),
                },
                429,
            ),
            (Error::Unavailable("private".into()), 503),
            (engine(Kind::Missing), 503),
            (engine(Kind::UnknownServer("disk2".into())), 503),
            (engine(Kind::Unique(vec!["email".into()])), 409),
            (engine(Kind::Reference("city".into())), 409),
            (engine(Kind::Conflict(2)), 412),
            (engine(Kind::Limit("bytes")), 403),
            (engine(Kind::Deadline), 503),
            (engine(Kind::Denied("ATTACH".into())), 403),
            (engine(Kind::Statement("near x".into())), 400),
            (engine(Kind::Busy), 503),
            (engine(Kind::Fenced), 503),
            (engine(Kind::Unreachable), 503),
            (engine(Kind::InDoubt), 503),
            (engine(Kind::Corrupt), 503),
            (engine(Kind::WrongIdentity), 503),
            (engine(Kind::DiskFull), 503),
            (engine(Kind::NoAccess), 503),
            (engine(Kind::Io), 503),
            (engine(Kind::Internal), 500),
            (Error::OutcomeUnknown { id: "public".into(), detail: "private".into() }, 503),
            (Error::DiskFull("private".into()), 503),
            (Error::NoAccess("private".into()), 503),
        ];
        for (error, status) in all {
            let code = error.code();
            let problem = Problem::from(error);
            assert_eq!(problem.status(), status, "{code}");
            assert_eq!(problem.code().as_str(), code);
            assert!(!String::from_utf8(problem.body(None)).unwrap().contains("private"), "{code}");
        }
    }
}
