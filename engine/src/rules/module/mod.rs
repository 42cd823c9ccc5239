//! From bytes to a module that may be called: the contract (`rule.wit`), the compiler's process, the code cache, the checks of
//! a module by itself ([`validate`], [`manifest`]) and against a pipeline ([`probe`]), and wasmtime's engine with its limits
//! ([`runtime`]). It knows no set of rules, no store and no directory.

mod cache;
pub(super) mod compile;
mod compile_slots;
mod compiled;
pub(super) mod contract;
pub(super) mod cpu;
mod invalid;
pub(super) mod manifest;
pub(super) mod probe;
pub(super) mod runtime;
pub(super) mod validate;

pub(super) use compile_slots::Requester;
pub(super) use invalid::Invalid;
pub(super) use validate::{ModuleRef, Modules};

/// Compilers that run at once for one kind of requester: each may take 1 GiB and a core.
pub(super) const COMPILERS: usize = 2;
