//! The pages of operators: the fleet, one tenant, and the forms that act on it.

mod exit;
mod form;
mod tenant;
mod tenants;

pub use exit::Exit;
pub use form::{Choice, Field, Form, Kind, Note};
pub use tenant::{Fact, Tenant};
pub use tenants::{Line, Tenants};
