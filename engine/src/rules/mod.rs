//! Rules: WebAssembly modules that judge batches, swapped while records flow. The only place that knows wasmtime. It
//! knows no Kafka and no SQL; the catalog speaks to the store's trait.

mod catalog;
mod judge;
mod live;
mod module;
mod tasks;
mod text;
mod watch;

pub use catalog::{Catalog, CatalogError, Patch, Publish, Published, Refused, follows};
pub use judge::{Halt, Judge, RuleVerdict, Unjudged};
pub use live::{Figures, LiveRule, LiveSet, Trip};
pub use module::compile::{compile, compile_child};
pub use module::runtime::{Runtime, RuntimeError};
pub use watch::{FileProblem, Gone, RulesDirectory, Seen, SeenFile};
