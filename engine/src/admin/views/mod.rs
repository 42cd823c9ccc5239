//! The answers of the API, as they are in `/openapi.json`. No field here may hold a secret: no URL, no property.

mod alerts;
mod from_model;
mod hide;
mod history;
mod instances;
mod pipeline;
mod records;
mod rule_changes;
mod rules;
mod windows;

pub use alerts::*;
pub use from_model::{code_views, rfc3339};
pub use hide::{Hide, open_headers};
pub use history::*;
pub use instances::*;
pub use pipeline::*;
pub use records::*;
pub use rule_changes::*;
pub use rules::*;
pub use windows::*;
