//! Why bytes are no module that may be called, and whose fault that is.

use super::compile::Failed;
use crate::rules::text::shorten;

/// Why bytes are no module that may be called.
#[derive(Debug)]
pub(in crate::rules) enum Invalid {
    /// More bytes than `rules.max_module`.
    TooLarge { size: usize, most: usize },
    /// The bytes begin as no WebAssembly does.
    NotWasm,
    /// It is no rule, or says wrong things of itself: for its author.
    Module(String),
    /// No fault of the module: for whoever runs the engine.
    Compiler(String),
    /// As [`Failed::Killed`]: who asks knows whether the module passed before.
    Killed(String),
}

impl From<Failed> for Invalid {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Module(why) => Self::Module(shorten(&why)),
            Failed::Engine(why) => Self::Compiler(shorten(&why)),
            Failed::Killed(why) => Self::Killed(shorten(&why)),
        }
    }
}
