//! Macros that define requests and answers briefly: their derived code and their conversion.

/// Defines the contents of requests: bodies and queries. A request with a member that the struct does not have is
/// refused.
macro_rules! requests {
    ($(
        $(#[$of_request:meta])*
        struct $name:ident {
            $($(#[$of_field:meta])* $field:ident: $type:ty,)*
        }
    )*) => {$(
        $(#[$of_request])*
        #[derive(serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$of_field])* pub(crate) $field: $type,)*
        }
    )*};
}

/// Defines answers. Each answer is a struct. Each field is followed by its value, which is computed from a value of the
/// platform:
///
/// ```text
/// answers! {
///     /// A member of the tenant.
///     struct Member from member: users::Member {
///         /// Id of the user.
///         id: i64 = member.user.get(),
///     }
/// }
/// ```
macro_rules! answers {
    ($(
        $(#[$of_answer:meta])*
        struct $name:ident from $source:ident: $platform:ty {
            $($(#[$of_field:meta])* $field:ident: $type:ty = $value:expr,)*
        }
    )*) => {$(
        $(#[$of_answer])*
        #[derive(serde::Serialize, schemars::JsonSchema)]
        pub(crate) struct $name {
            $($(#[$of_field])* pub(crate) $field: $type,)*
        }

        impl From<$platform> for $name {
            fn from($source: $platform) -> Self {
                Self { $($field: $value,)* }
            }
        }
    )*};
}
