//! The closed list of problem codes. Clients match on the code; the docs page lists all codes.
//!
//! [`super::Problem`] and the docs page use it. It contains no text about a particular request.

use http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $status:ident $title:literal $($remedy:literal)?;)*) => {
        /// Kind of a refusal. Its name in snake case is the member `code` of the body.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $variant),*
        }

        impl Code {
            /// All codes, for the docs page and for tests.
            pub const ALL: &[Code] = &[$(Code::$variant),*];

            /// Returns the name, the status, the title, and at most one remedy.
            const fn row(self) -> (&'static str, StatusCode, &'static str, &'static [&'static str]) {
                match self {
                    $(Code::$variant => ($name, StatusCode::$status, $title, &[$($remedy)?])),*
                }
            }
        }
    };
}

codes! {
    /// The request cannot be read: invalid JSON, parameter or CSV.
    BadRequest "bad_request" BAD_REQUEST "The request cannot be read";
    /// A value breaks a rule of its field.
    Invalid "invalid" UNPROCESSABLE_ENTITY "A value is not allowed";
    /// The credential is missing or no longer valid.
    Unauthenticated "unauthenticated" UNAUTHORIZED "Sign in first"
        "POST /api/auth/login, then send the token as `Authorization: Bearer …`.";
    /// The credential is valid but does not permit this action on something that the caller may see.
    Denied "denied" FORBIDDEN "Not allowed";
    /// The action needs the caller's password again, or a fresh sign-in.
    ConfirmationRequired "confirmation_required" FORBIDDEN "Confirm that it is you"
        "Send your password as `password`, or sign in again: for ten minutes that is enough.";
    /// A browser sent the request from another site.
    CrossSite "cross_site" FORBIDDEN "Refused: sent by another site"
        "Send the request from this platform's own pages, or with a bearer token instead of the cookie.";
    /// The form was opened in another session, or for another tenant.
    FormOutdated "form_outdated" CONFLICT "This form is out of date"
        "Open the page again and send its form once more.";
    /// Nothing exists here, or nothing that the caller may see.
    NotFound "not_found" NOT_FOUND "Not found";
    /// The path exists, but not with this method.
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "Method not allowed";
    /// The route does not read the body's media type.
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "Media type not supported";
    /// The body is larger than the route accepts.
    TooLarge "too_large" PAYLOAD_TOO_LARGE "The body is too large";
    /// Another row has the same unique values.
    NotUnique "not_unique" CONFLICT "It exists already";
    /// The row is still referred to.
    Reference "reference" CONFLICT "A reference does not allow this";
    /// The state of the object does not allow the request.
    Conflict "conflict" CONFLICT "The current state does not allow this";
    /// The operation was cancelled and undone.
    Cancelled "cancelled" CONFLICT "It was cancelled";
    /// `If-Match` names a version other than the record's.
    VersionConflict "version_conflict" PRECONDITION_FAILED "The record has changed"
        "Read the record again, apply the change to it, and send its new ETag in If-Match.";
    /// `If-Match` is required here and was not sent.
    PreconditionRequired "precondition_required" PRECONDITION_REQUIRED "If-Match is required"
        "Send the record's ETag in If-Match, or `If-Match: *` to overwrite whatever is there.";
    /// The tenant is suspended, or not ready yet.
    TenantSuspended "tenant_suspended" FORBIDDEN "This tenant is not available"
        "Ask the platform's operator.";
    /// The tenant is in maintenance mode.
    Maintenance "maintenance" SERVICE_UNAVAILABLE "Closed for maintenance"
        "Try again after as many seconds as Retry-After says.";
    /// The trial has ended, or the subscription is not live.
    SubscriptionRequired "subscription_required" PAYMENT_REQUIRED "A live subscription is required"
        "Choose a plan (GET /api/plans) and ask the platform's operator to activate it.";
    /// A limit of the plan is reached.
    LimitExceeded "limit_exceeded" FORBIDDEN "A limit of the plan is reached"
        "Delete what is not needed, or choose a larger plan.";
    /// The tenant's plan and licence lack a feature that the request needs.
    FeatureRequired "feature_required" FORBIDDEN "A feature is required"
        "Choose a plan, or ask for a licence, with this feature.";
    /// The quota of a feature is used up.
    QuotaReached "quota_reached" TOO_MANY_REQUESTS "A quota is used up"
        "Wait as long as Retry-After says, or ask for a larger quota.";
    /// There were too many requests.
    RateLimited "rate_limited" TOO_MANY_REQUESTS "Too many requests"
        "Wait as long as Retry-After says.";
    /// The tenant's own SQL is invalid.
    Statement "statement" BAD_REQUEST "The statement is not valid";
    /// The tenant's own SQL does something that is not allowed (`confined-sql`).
    StatementDenied "statement_denied" FORBIDDEN "The statement is not allowed here"
        "Only reading statements on this tenant's own tables are allowed.";
    /// The statement exceeded its deadline.
    Deadline "deadline" SERVICE_UNAVAILABLE "It took too long"
        "Narrow the filter, lower the limit, or sort by an indexed field.";
    /// The tenant has no database: its creation never finished, or the database was removed.
    NoDatabase "no_database" SERVICE_UNAVAILABLE "The tenant has no database"
        "An operator runs `tenantry tenant create-database SLUG`.";
    /// The database is on a server that this process's configuration does not contain.
    ServerUnknown "server_unknown" SERVICE_UNAVAILABLE "This server does not know where the tenant's database is"
        "An operator restarts the server with the current configuration.";
    /// The database server does not answer. Nothing was done.
    ServerUnreachable "server_unreachable" SERVICE_UNAVAILABLE "The database server does not answer"
        "Try again after as many seconds as Retry-After says.";
    /// The answer to a commit was lost. The platform does not repeat the change.
    OutcomeUnknown "outcome_unknown" SERVICE_UNAVAILABLE "Whether the change was stored is not known"
        "Ask GET /api/outcomes/{id} with the id in `outcome`, or look, whether the change is there; repeat it only if it is not.";
    /// The database lacks migrations that this server has loaded.
    MigrationsPending "migrations_pending" SERVICE_UNAVAILABLE "Migrations have not run on this tenant's database"
        "An operator runs `tenantry migrate tenants --tenant SLUG`.";
    /// The database has migrations that this server has not loaded.
    ServerOutdated "server_outdated" SERVICE_UNAVAILABLE "This server is older than the database"
        "An operator restarts this server with the current apps.";
    /// Shared data that the request needs is empty.
    MasterDataEmpty "master_data_empty" CONFLICT "The shared data is empty"
        "An operator loads it: POST to /api/records/{model}, or import a CSV.";
    /// A disk of the server is full.
    DiskFull "disk_full" SERVICE_UNAVAILABLE "The disk is full"
        "An operator makes room on the server's disk.";
    /// A disk of the server fails.
    DiskFailed "disk_failed" SERVICE_UNAVAILABLE "The disk fails"
        "An operator looks at the disk and the system's log.";
    /// The server's user lacks permission for the file.
    NoAccess "no_access" SERVICE_UNAVAILABLE "The server has no access to a file of its own"
        "An operator gives the file back to the user that runs the server.";
    /// The tenant's database is damaged, or another database is in its place.
    DatabaseDamaged "database_damaged" SERVICE_UNAVAILABLE "The database is damaged"
        "An operator runs `tenantry restore swap SLUG latest`.";
    /// The server is busy or shutting down; the client should retry.
    Unavailable "unavailable" SERVICE_UNAVAILABLE "Busy"
        "Try again in a moment.";
    /// The server failed with an internal error.
    Internal "internal" INTERNAL_SERVER_ERROR "Internal error";
}

impl Code {
    /// Returns the name of the code: the member `code` of the body.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// Returns the code with the given name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// Returns the HTTP status.
    pub const fn status(self) -> StatusCode {
        self.row().1
    }

    /// Returns the member `title`, which is the same for every problem with this code.
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// Returns what a person can do about the problem, if that is always the same.
    pub fn remedy(self) -> Option<&'static str> {
        self.row().3.first().copied()
    }
}
