//! From bytes to a module that may be called: size, compile (or the cache), exports, describe, manifest. It knows
//! nothing of the pipeline; whether a rule fits is `probe`'s to say.

use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use super::cache::Cache;
use super::compile::Failed;
use super::compile_slots::{CompileSlots, Requester};
use super::contract::RulePre;
use super::invalid::Invalid;
use super::runtime::{Failure, HOST, Runtime, short_of_memory};
use super::{compile, compiled, manifest};
use crate::config::Config;
use crate::model::catalog::Manifest;
use crate::model::ids::Sha256;
use crate::rules::tasks::blocking;

const WANTED: &str =
    "wanted is weir:rule/guest@0.1.0 with describe, configure and judge: build it with the weir-sdk of this engine";
/// Honest calls that a busy machine did not schedule in time.
const TRIES: u32 = 3;

/// A module that was compiled and described.
pub(in crate::rules) struct Module {
    /// Its code; making an instance of it runs none of it.
    pub(in crate::rules) component: Component,
    /// What it says of itself, checked.
    pub(in crate::rules) manifest: Manifest,
}

/// Keeps a module in memory for as long as it lives.
#[derive(Clone)]
pub(in crate::rules) struct ModuleRef(Arc<OnceCell<Module>>);

impl Deref for ModuleRef {
    type Target = Module;

    fn deref(&self) -> &Module {
        self.0.get().expect("a reference is made only once the module was")
    }
}

/// Makes modules of bytes, each once however many callers bring it at the same time, and keeps those that are in use.
pub(in crate::rules) struct Modules {
    runtime: Arc<Runtime>,
    cache: Arc<Cache>,
    slots: CompileSlots,
    /// Modules by digest. A cell without one: it is being made, or was refused.
    in_memory: Mutex<HashMap<Sha256, Arc<OnceCell<Module>>>>,
}

impl Modules {
    /// No module yet; the code cache is opened.
    pub(in crate::rules) fn new(runtime: Arc<Runtime>, config: &Config) -> Self {
        let cache = Arc::new(Cache::new(config, &runtime.engine));
        Self { runtime, cache, slots: CompileSlots::default(), in_memory: Mutex::default() }
    }

    /// The module, if it is in memory.
    pub(in crate::rules) fn get(&self, sha256: Sha256) -> Option<ModuleRef> {
        self.in_memory().get(&sha256).filter(|cell| cell.initialized()).cloned().map(ModuleRef)
    }

    /// The module of these bytes, from memory, the code cache or a compiler, after the checks that need no pipeline.
    pub(in crate::rules) async fn validate(
        &self,
        sha256: Sha256,
        wasm: &[u8],
        requester: Requester<'_>,
    ) -> Result<ModuleRef, Invalid> {
        let most = self.runtime.max_module;
        if wasm.len() > most {
            return Err(Invalid::TooLarge { size: wasm.len(), most });
        }
        if !wasm.starts_with(b"\0asm") {
            return Err(Invalid::NotWasm);
        }
        if let Some(refused) = self.slots.refused(sha256, requester) {
            return Err(refused);
        }
        let cell = self.in_memory().entry(sha256).or_default().clone();
        match cell.get_or_try_init(|| self.make(sha256, wasm, requester)).await {
            Ok(_) => Ok(ModuleRef(cell)),
            Err(invalid) => {
                self.slots.remember(sha256, requester, &invalid);
                Err(invalid)
            }
        }
    }

    /// Lets go of all but these and those that somebody holds, and of their code on disk.
    pub(in crate::rules) fn keep(&self, in_force: BTreeSet<Sha256>) {
        self.in_memory().retain(|sha256, cell| in_force.contains(sha256) || Arc::strong_count(cell) > 1);
        let cache = self.cache.clone();
        // Nobody waits for it, and the next change does it again.
        drop(tokio::task::spawn_blocking(move || cache.prune(&in_force)));
    }

    fn in_memory(&self) -> MutexGuard<'_, HashMap<Sha256, Arc<OnceCell<Module>>>> {
        self.in_memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn make(&self, sha256: Sha256, wasm: &[u8], requester: Requester<'_>) -> Result<Module, Invalid> {
        let (runtime, cache) = (self.runtime.clone(), self.cache.clone());
        let cached = blocking(move || {
            let code = cache.code(sha256)?;
            // Whatever is wrong with it is found again after a compile.
            module(&runtime, &code).ok()
        });
        if let Some(module) = cached.await.map_err(Failed::Engine)? {
            return Ok(module);
        }
        let slot = self.slots.take(requester).await;
        // The same bytes may have been refused while this requester waited.
        if let Some(refused) = self.slots.refused(sha256, requester) {
            return Err(refused);
        }
        let code = compile::compile_apart(&self.runtime, wasm).await?;
        drop(slot);
        let (runtime, cache) = (self.runtime.clone(), self.cache.clone());
        let made = blocking(move || {
            let module = module(&runtime, &code)?;
            cache.keep(sha256, &code);
            Ok::<_, Failed>(module)
        });
        Ok(made.await.map_err(Failed::Engine)??)
    }
}

/// The module of compiled code, if it keeps the contract. Runs guest code.
pub(in crate::rules) fn module(runtime: &Runtime, code: &[u8]) -> Result<Module, Failed> {
    let component = compiled::load(&runtime.engine, code).map_err(|e| {
        if short_of_memory(&e) {
            return Failed::Engine(format!("this machine has no memory for compiled code: {e:#}"));
        }
        let compiler = runtime.compiler.display();
        Failed::Engine(format!("{compiler} is not the binary that runs here, restart the engine: {e:#}"))
    })?;
    let manifest = described(runtime, &component)?;
    Ok(Module { component, manifest })
}

/// What the module says of itself, if it keeps the contract.
fn described(runtime: &Runtime, component: &Component) -> Result<Manifest, Failed> {
    contract(&runtime.engine, component).map_err(Failed::Module)?;
    let described = patiently(|| runtime.instance(component)?.describe());
    let manifest = described.map_err(|failure| match failure.code {
        // Names alone were compared so far; types are only now.
        "RULE_OUTPUT" => Failed::Module(format!("describe does not keep the contract: {}; {WANTED}", failure.message)),
        code => failed(&failure, format!("describe failed: {code}: {}", failure.message)),
    })?;
    manifest::check(&manifest).map_err(Failed::Module)?;
    Ok(manifest)
}

/// Imports nothing and exports the guest's functions.
fn contract(engine: &Engine, component: &Component) -> Result<(), String> {
    let kind = component.component_type();
    let imports: Vec<_> = kind.imports(engine).map(|(name, _)| name.to_owned()).collect();
    if !imports.is_empty() {
        return Err(format!("a rule imports nothing, this one imports {}: remove them", compile::listed(&imports)));
    }
    let pre = Linker::<()>::new(engine).instantiate_pre(component).and_then(RulePre::new);
    pre.map(drop).map_err(|error| {
        let exports: Vec<_> = kind.exports(engine).map(|(name, item)| export(engine, name, &item.ty)).collect();
        let exports = compile::listed(&exports);
        format!("the module is no rule: it exports {exports}; {WANTED} ({error:#})")
    })
}

/// `weir:rule/guest@0.2.0 (describe, judge)`
fn export(engine: &Engine, name: &str, item: &ComponentItem) -> String {
    match item {
        ComponentItem::ComponentInstance(instance) => {
            let functions = instance.exports(engine).filter(|(_, e)| matches!(e.ty, ComponentItem::ComponentFunc(_)));
            let functions: Vec<_> = functions.map(|(name, _)| name.to_owned()).collect();
            format!("{name} ({})", compile::listed(&functions))
        }
        _ => name.to_owned(),
    }
}

/// A call that was not done in time may be the machine's fault; one that the machine had no memory for is.
pub(super) fn failed(failure: &Failure, why: String) -> Failed {
    match failure.code {
        "RULE_TIMEOUT" => Failed::Killed(why),
        HOST => Failed::Engine(format!("this machine has no memory for an instance: {why}")),
        _ => Failed::Module(why),
    }
}

/// Calls again, three times in all, what ran out of time: a machine that was busy elsewhere must not refuse an honest module.
pub(super) fn patiently<T>(call: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut answer = call();
    for _ in 1..TRIES {
        match &answer {
            Err(failure) if failure.code == "RULE_TIMEOUT" => answer = call(),
            _ => break,
        }
    }
    answer
}
