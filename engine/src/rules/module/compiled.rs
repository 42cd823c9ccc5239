//! Loads compiled code. One of the four files that may be unsafe: wasmtime trusts such bytes as it trusts its own code.
#![allow(unsafe_code)]

use wasmtime::{Engine, component::Component};

/// Loads what the engine's own compiler process gave, now or before.
pub(super) fn load(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes come over a pipe from `compile-module`, a child of our own binary, and ran through
    // `Engine::precompile_component` there; an upload never gets here uncompiled. Or they come from the code cache, which
    // holds such bytes only: `catalog::cache` reads files that are ours alone and checks their digest over what it read.
    unsafe { Component::deserialize(engine, bytes) }
}
