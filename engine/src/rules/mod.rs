//! Rules: WebAssembly modules that judge batches, swapped while records flow. The only place that knows wasmtime. It
//! knows no Kafka and no SQL; the catalog speaks to the store's trait.

mod catalog;
mod compile;
mod compiled;
mod contract;
mod judge;
mod live;
mod metrics;
mod runtime;

pub use catalog::{Catalog, CatalogError, FileProblem, Patch, Publish, Published, Refused};
pub use compile::{compile, compile_child};
pub use judge::{
    Conduct, Halt, Judge, LiveObserver, Observer, Recorder, RuleVerdict, ShadowCost, Unjudged, Verdict,
};
pub use live::{InstanceKey, LiveRule, LiveSet, Trip};
pub use metrics::RuleStats;
pub use runtime::{Runtime, RuntimeError};
