//! From bytes to a module that may be called: the contract (`rule.wit`), the compiler's process, the code cache, the checks of
//! a module by itself ([`validate`], [`manifest`]) and against a pipeline ([`probe`]), and wasmtime's engine with its limits
//! ([`runtime`]).

pub(super) mod cache;
pub(super) mod compile;
mod compiled;
pub(super) mod contract;
pub(super) mod cpu;
pub(super) mod manifest;
pub(super) mod places;
pub(super) mod probe;
pub(super) mod runtime;
pub(super) mod validate;
