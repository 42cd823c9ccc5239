//! From bytes to a module that may be called: size, compile (or the cache), exports, describe, manifest. It knows
//! nothing of the pipeline; whether a rule fits is `probe`'s to say.

use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use super::compile::Failed;
use super::contract::RulePre;
use super::places::Asker;
use super::runtime::{Failure, HOST, Runtime, short_of_memory, shorten};
use super::{compile, compiled, manifest};
use crate::model::catalog::Manifest;
use crate::model::ids::Sha256;
use crate::rules::catalog::{Catalog, Refused, blocking};

const WANTED: &str =
    "wanted is weir:rule/guest@0.1.0 with describe, configure and judge: build it with the weir-sdk of this engine";
/// Honest calls that a busy machine did not schedule in time.
const TRIES: u32 = 3;

/// A module that was compiled and described.
pub(in crate::rules) struct Module {
    pub(in crate::rules) component: Component,
    pub(in crate::rules) manifest: Manifest,
}

/// Why bytes are no module that may be called.
pub(in crate::rules) enum Unvetted {
    Refused(Refused),
    /// As [`Failed::Killed`]: who asks knows whether the module passed before.
    Killed(String),
}

impl From<Failed> for Unvetted {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Module(why) => Self::Refused(Refused::Module(shorten(&why))),
            Failed::Engine(why) => Self::Refused(Refused::Compiler(shorten(&why))),
            Failed::Killed(why) => Self::Killed(shorten(&why)),
        }
    }
}

impl Refused {
    /// For what `probe` says, whose texts name what the module has.
    pub(in crate::rules) fn short(self) -> Self {
        match self {
            Self::Unfit(why) => Self::Unfit(shorten(&why)),
            Self::Compiler(why) => Self::Compiler(shorten(&why)),
            other => other,
        }
    }
}

/// For whoever brings a new module.
impl From<Unvetted> for Refused {
    fn from(unvetted: Unvetted) -> Self {
        match unvetted {
            Unvetted::Refused(refused) => refused,
            Unvetted::Killed(why) => Self::Module(why),
        }
    }
}

/// A module that is kept while somebody holds it.
#[derive(Clone)]
pub(in crate::rules) struct Held(Arc<OnceCell<Module>>);

impl Deref for Held {
    type Target = Module;

    fn deref(&self) -> &Module {
        self.0.get().expect("it is held only once it was made")
    }
}

/// The modules in memory, each compiled once however many callers bring it at once.
#[derive(Default)]
pub(in crate::rules) struct Modules(Mutex<HashMap<Sha256, Arc<OnceCell<Module>>>>);

impl Modules {
    fn cell(&self, sha256: Sha256) -> Arc<OnceCell<Module>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(sha256).or_default().clone()
    }

    /// The module, if it was made already.
    pub(in crate::rules) fn get(&self, sha256: Sha256) -> Option<Held> {
        let modules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        modules.get(&sha256).filter(|cell| cell.initialized()).cloned().map(Held)
    }

    /// Lets go of all but these and those that somebody holds.
    pub(in crate::rules) fn keep(&self, in_force: &BTreeSet<Sha256>) {
        let mut modules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        modules.retain(|sha256, cell| in_force.contains(sha256) || Arc::strong_count(cell) > 1);
    }
}

impl Catalog {
    /// The checks that need no pipeline.
    pub(in crate::rules) async fn vet(&self, sha256: Sha256, wasm: &[u8], asker: Asker<'_>) -> Result<Held, Unvetted> {
        let most = self.0.runtime.max_module;
        if wasm.len() > most {
            return Err(Unvetted::Refused(Refused::TooLarge { size: wasm.len(), most }));
        }
        if !wasm.starts_with(b"\0asm") {
            return Err(Unvetted::Refused(Refused::NotWasm));
        }
        if let Some(refused) = self.0.places.refused(sha256, asker) {
            return Err(refused);
        }
        let cell = self.0.modules.cell(sha256);
        match cell.get_or_try_init(|| self.make(sha256, wasm, asker)).await {
            Ok(_) => Ok(Held(cell)),
            Err(unvetted) => {
                self.0.places.remember(sha256, asker, &unvetted);
                Err(unvetted)
            }
        }
    }

    async fn make(&self, sha256: Sha256, wasm: &[u8], asker: Asker<'_>) -> Result<Module, Unvetted> {
        let (runtime, cache) = (self.0.runtime.clone(), self.0.cache.clone());
        let cached = blocking(move || {
            let code = cache.code(sha256)?;
            // Whatever is wrong with it is found again after a compile.
            module(&runtime, &code).ok()
        });
        if let Some(module) = cached.await.map_err(Failed::Engine)? {
            return Ok(module);
        }
        let place = self.0.places.take(asker).await;
        // The same bytes may have been refused while this caller waited.
        if let Some(refused) = self.0.places.refused(sha256, asker) {
            return Err(refused);
        }
        let code = compile::compile_apart(&self.0.runtime, wasm).await?;
        drop(place);
        let (runtime, cache) = (self.0.runtime.clone(), self.0.cache.clone());
        let made = blocking(move || {
            let module = module(&runtime, &code)?;
            cache.keep(sha256, &code);
            Ok::<_, Failed>(module)
        });
        Ok(made.await.map_err(Failed::Engine)??)
    }
}

fn module(runtime: &Runtime, code: &[u8]) -> Result<Module, Failed> {
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
pub(in crate::rules) fn failed(failure: &Failure, why: String) -> Failed {
    match failure.code {
        "RULE_TIMEOUT" => Failed::Killed(why),
        HOST => Failed::Engine(format!("this machine has no memory for an instance: {why}")),
        _ => Failed::Module(why),
    }
}

/// Time is wall time: a machine that was busy elsewhere must not refuse an honest module.
pub(in crate::rules) fn patiently<T>(call: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut answer = call();
    for _ in 1..TRIES {
        match &answer {
            Err(failure) if failure.code == "RULE_TIMEOUT" => answer = call(),
            _ => break,
        }
    }
    answer
}
