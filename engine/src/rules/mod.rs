//! Rules: WebAssembly modules that judge batches. The only place that knows wasmtime.
mod compile;
mod compiled;
mod contract;
mod judge;
mod live;
mod runtime;
pub use compile::compile_child;
pub use judge::{Halt, Judge};
pub use live::{Figures, LiveRule, LiveSet, Trip};
pub use runtime::{Runtime, RuntimeError};
