//! Rules: WebAssembly modules that judge batches, swapped while records flow. The only place that knows wasmtime. It
//! knows no Kafka and no SQL; the catalog speaks to the store's trait.
//!
//! Four rooms, each of which knows those before it only: [`module`] (bytes to a module that may be called), [`judge`] (one
//! worker's judging by a set of them, [`live`]), [`catalog`] (the set in the store and in force) and [`watch`] (the directory that
//! publishes into it).

/// What [`Catalog`] and [`RulesDirectory`] do in which order, without the doing: a simulation drives it before models of the store,
/// the directory and the modules.
pub mod flow {
    pub use super::catalog::{
        Change, DIRECTORY, DirectoryHold, Held, Instance, RETIRE, by_files, change, published_from, take_stored,
        without_file,
    };
    pub use super::watch::{Directory, FilesTaken, Seen, SeenFile, scan};
}

mod build;
mod catalog;
mod judge;
mod live;
mod metrics;
mod module;
mod tasks;
mod text;
mod trend;
mod watch;

pub use build::{BuildError, CompiledModule};
pub use catalog::{
    Action, Catalog, CatalogError, Difference, Moved, Patch, Plan, Publish, Published, Refused, differences,
};
pub use judge::{Conduct, Halt, Judge, LiveObserver, Observer, Recorder, RuleVerdict, ShadowCost, Unjudged, Verdict};
pub use live::{InstanceKey, LiveRule, LiveSet, Trip};
pub use metrics::RuleStats;
pub use module::compile::{compile, compile_child};
pub use module::runtime::{Runtime, RuntimeError};
pub use trend::Trend;
pub use watch::{FileProblem, RulesDirectory};
