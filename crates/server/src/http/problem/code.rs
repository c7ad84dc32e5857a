//! The closed list of problem codes. Clients match on the code; the docs page lists them all.
//!
//! Used by [`super::Problem`] and the docs page. It carries no text of a particular request.

use http::StatusCode;

/// What kind of refusal. The name in snake case is the `code` member of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The request cannot be read: bad JSON, bad parameter, bad CSV.
    BadRequest,
    /// A value breaks a rule of its field.
    Invalid,
    /// No credential, or one that is not valid any more.
    Unauthenticated,
    /// The credential is good, and does not suffice for what is plainly visible to it.
    Denied,
    /// A browser sent this from another site.
    CrossSite,
    /// Nothing there, or nothing the caller may know of.
    NotFound,
    /// The path exists, with other methods.
    MethodNotAllowed,
    /// The body's media type is not one this route reads.
    UnsupportedMediaType,
    /// The body is larger than this route takes.
    TooLarge,
    /// Another row has the same unique values.
    NotUnique,
    /// A reference points at no row, or the row is still referred to.
    Reference,
    /// The state of the thing does not allow it.
    Conflict,
    /// `If-Match` names another version than the record has.
    VersionConflict,
    /// `If-Match` is required here and was not sent.
    PreconditionRequired,
    /// The tenant is suspended, or not ready yet.
    TenantSuspended,
    /// The trial is over, or the subscription is not live.
    SubscriptionRequired,
    /// A limit of the plan is reached.
    LimitExceeded,
    /// Too many requests.
    RateLimited,
    /// SQL of the tenant's own is wrong.
    Statement,
    /// SQL of the tenant's own wants what it may not have (rule 8).
    StatementDenied,
    /// The statement ran into its deadline.
    Deadline,
    /// The tenant has no database: creation never finished, or it was removed.
    NoDatabase,
    /// A table is missing: migrations have not run there.
    MigrationsPending,
    /// Shared data that the request needs is empty.
    MasterDataEmpty,
    /// Busy, or shutting down; try again.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Code {
    /// Every code, for the docs page and for tests.
    pub const ALL: &[Code] = &[
        Code::BadRequest,
        Code::Invalid,
        Code::Unauthenticated,
        Code::Denied,
        Code::CrossSite,
        Code::NotFound,
        Code::MethodNotAllowed,
        Code::UnsupportedMediaType,
        Code::TooLarge,
        Code::NotUnique,
        Code::Reference,
        Code::Conflict,
        Code::VersionConflict,
        Code::PreconditionRequired,
        Code::TenantSuspended,
        Code::SubscriptionRequired,
        Code::LimitExceeded,
        Code::RateLimited,
        Code::Statement,
        Code::StatementDenied,
        Code::Deadline,
        Code::NoDatabase,
        Code::MigrationsPending,
        Code::MasterDataEmpty,
        Code::Unavailable,
        Code::Internal,
    ];

    /// The `code` member.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The code of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// HTTP status.
    pub const fn status(self) -> StatusCode {
        self.row().1
    }

    /// The `title` member: the same for every occurrence.
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// What a person can do about it, where that is always the same (M16).
    pub fn remedy(self) -> Option<&'static str> {
        Some(self.row().3).filter(|remedy| !remedy.is_empty())
    }

    const fn row(self) -> (&'static str, StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Code::BadRequest => ("bad_request", S::BAD_REQUEST, "The request cannot be read", ""),
            Code::Invalid => ("invalid", S::UNPROCESSABLE_ENTITY, "A value is not allowed", ""),
            Code::Unauthenticated => (
                "unauthenticated",
                S::UNAUTHORIZED,
                "Log in first",
                "POST /api/auth/login, then send the token as `Authorization: Bearer …`.",
            ),
            Code::Denied => ("denied", S::FORBIDDEN, "Not allowed", ""),
            Code::CrossSite => (
                "cross_site",
                S::FORBIDDEN,
                "Refused: sent by another site",
                "Send the request from this platform's own pages, or with a bearer token instead of the cookie.",
            ),
            Code::NotFound => ("not_found", S::NOT_FOUND, "Not found", ""),
            Code::MethodNotAllowed => ("method_not_allowed", S::METHOD_NOT_ALLOWED, "Method not allowed", ""),
            Code::UnsupportedMediaType => {
                ("unsupported_media_type", S::UNSUPPORTED_MEDIA_TYPE, "Media type not supported", "")
            }
            Code::TooLarge => ("too_large", S::PAYLOAD_TOO_LARGE, "The body is too large", ""),
            Code::NotUnique => ("not_unique", S::CONFLICT, "It exists already", ""),
            Code::Reference => ("reference", S::CONFLICT, "A reference does not allow this", ""),
            Code::Conflict => ("conflict", S::CONFLICT, "The current state does not allow this", ""),
            Code::VersionConflict => (
                "version_conflict",
                S::PRECONDITION_FAILED,
                "Somebody changed it meanwhile",
                "Read the record again, apply the change to it, and send its new ETag in If-Match.",
            ),
            Code::PreconditionRequired => (
                "precondition_required",
                S::PRECONDITION_REQUIRED,
                "If-Match is required",
                "Send the record's ETag in If-Match, or `If-Match: *` to overwrite whatever is there.",
            ),
            Code::TenantSuspended => (
                "tenant_suspended",
                S::FORBIDDEN,
                "This company is not available",
                "Ask the platform's operator.",
            ),
            Code::SubscriptionRequired => (
                "subscription_required",
                S::PAYMENT_REQUIRED,
                "A live subscription is required",
                "Choose a plan (GET /api/plans) and ask the platform's operator to activate it.",
            ),
            Code::LimitExceeded => (
                "limit_exceeded",
                S::FORBIDDEN,
                "A limit of the plan is reached",
                "Delete what is not needed, or choose a larger plan.",
            ),
            Code::RateLimited => (
                "rate_limited",
                S::TOO_MANY_REQUESTS,
                "Too many requests",
                "Wait as long as Retry-After says.",
            ),
            Code::Statement => ("statement", S::BAD_REQUEST, "The statement is not valid", ""),
            Code::StatementDenied => (
                "statement_denied",
                S::FORBIDDEN,
                "The statement is not allowed here",
                "Only reading statements on this company's own tables are allowed.",
            ),
            Code::Deadline => (
                "deadline",
                S::SERVICE_UNAVAILABLE,
                "It took too long",
                "Narrow the filter, lower the limit, or sort by an indexed field.",
            ),
            Code::NoDatabase => (
                "no_database",
                S::SERVICE_UNAVAILABLE,
                "The company has no database",
                "An operator runs `tenantry create-db SLUG`.",
            ),
            Code::MigrationsPending => (
                "migrations_pending",
                S::SERVICE_UNAVAILABLE,
                "Migrations have not run on this company's database",
                "An operator runs `tenantry migrate-tenants --tenant SLUG`.",
            ),
            Code::MasterDataEmpty => (
                "master_data_empty",
                S::CONFLICT,
                "The shared data is empty",
                "An operator loads it: POST to /api/records/{model}, or import a CSV.",
            ),
            Code::Unavailable => ("unavailable", S::SERVICE_UNAVAILABLE, "Busy", "Try again in a moment."),
            Code::Internal => ("internal", S::INTERNAL_SERVER_ERROR, "A fault of ours", ""),
        }
    }
}
