//! Bodies and answers of saved views of lists.

use schemars::JsonSchema;
use serde::Serialize;
use tenantry::records;

requests! {
    /// A view to save.
    struct NewView {
        /// Name, unique among the caller's views of the model; 1 to 80 characters.
        name: String,
        /// Query of a list without its page: conditions, `q`, `sort` and `fields`, as `status=active&sort=-created_at`.
        query: String,
        /// All members who may read the model see the view.
        #[serde(default)]
        shared: bool,
        /// The caller's list of the model opens with the view.
        #[serde(default)]
        default: bool,
    }
}

requests! {
    /// Changes to a view. Absent members stay as they are.
    struct ChangeView {
        name: Option<String>,
        query: Option<String>,
        shared: Option<bool>,
        /// Whether the caller's list of the model opens with the view.
        default: Option<bool>,
    }
}

answers! {
    /// A saved view of a list.
    struct View from found: (records::View, Vec<WrongParameter>) {
        id: i64 = found.0.id,
        name: String = found.0.name,
        query: String = found.0.query,
        shared: bool = found.0.is_shared,
        /// The caller made it.
        own: bool = found.0.is_own,
        /// Name of the member who made it; null if that member has left.
        owner: Option<String> = found.0.owner,
        /// The caller may change and delete it.
        may_change: bool = found.0.may_change,
        /// The caller's list of the model opens with it.
        default: bool = found.0.is_default,
        /// Parameters of the query that no longer fit the model. A list would refuse them; send it without them.
        wrong: Vec<WrongParameter> = found.1,
    }
}

/// A parameter of a query that does not fit the model.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WrongParameter {
    pub(crate) name: String,
    pub(crate) message: String,
}
