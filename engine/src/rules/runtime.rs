//! The process's wasmtime engine, the clock of its epochs, and instances within limits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, Linker, TypedFunc};
use wasmtime::{Config, Engine, ResourceLimiter, Store, Trap, WasmBacktrace};

use super::contract::{self, Rule};
use crate::config;
use crate::model::catalog::Manifest;

const TICK: Duration = Duration::from_millis(10);
const SMALL_ANSWER: usize = 256 << 10;
const JUDGE_ANSWER: usize = 1 << 20;
/// Elements of a table.
const TABLE: usize = 10_000;
/// Functions that a failure names.
const FRAMES: usize = 8;
const FRAME_NAME: usize = 100;
/// Characters of a text that a module chose, or chose parts of.
const TEXT: usize = 1_000;

/// The engine for WebAssembly can't be made.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly runtime can't start: {0}")]
pub struct RuntimeError(String);

/// wasmtime's engine with the limits of the configuration.
pub struct Runtime {
    pub(super) engine: Engine,
    /// The binary whose `compile-module` compiles.
    pub(super) compiler: PathBuf,
    pub(super) max_module: usize,
    memory: usize,
    ticks: u64,
}

/// Why a call failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// A rule's instance: dropped after any failure.
pub(super) struct Instance {
    store: Store<Limits>,
    rule: Rule,
    /// As the SDK's modules export it: the calls that follow fill in the details of flags, or do not.
    explain: Option<TypedFunc<(bool,), ()>>,
    explains: bool,
    ticks: u64,
}

struct Limits {
    memory: usize,
    refused: u32,
}

/// The same in the service and in its compiler, or code would not load.
pub(super) fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true).concurrency_support(false).cranelift_nan_canonicalization(true);
    config.wasm_relaxed_simd(false).wasm_memory64(false).wasm_multi_memory(false);
    Engine::new(&config)
}

impl Runtime {
    /// Compiles by the binary that runs, and by no other that the environment names: what a compiler gives is run as
    /// native code. Starts the ticker, which ends with the runtime.
    pub fn new(rules: &config::Rules) -> Result<Arc<Self>, RuntimeError> {
        let compiler = std::env::current_exe().map_err(|e| RuntimeError(e.to_string()))?;
        Self::with_compiler(rules, compiler)
    }

    /// With another binary whose `compile-module` compiles: for tests.
    pub fn with_compiler(rules: &config::Rules, compiler: PathBuf) -> Result<Arc<Self>, RuntimeError> {
        let engine = engine().map_err(|e| RuntimeError(format!("{e:#}")))?;
        let runtime = Arc::new(Self {
            engine: engine.clone(),
            compiler,
            max_module: rules.max_module.as_u64() as usize,
            memory: rules.memory.as_u64() as usize,
            ticks: rules.timeout.as_millis().div_ceil(TICK.as_millis()).max(1) as u64,
        });
        let alive = Arc::downgrade(&runtime);
        std::thread::Builder::new()
            .name("weir-epochs".into())
            .spawn(move || {
                while alive.strong_count() > 0 {
                    std::thread::sleep(TICK);
                    engine.increment_epoch();
                }
            })
            .map_err(|e| RuntimeError(e.to_string()))?;
        Ok(runtime)
    }

    pub(super) fn instance(&self, component: &Component) -> Result<Instance, Failure> {
        let mut store = Store::new(&self.engine, Limits { memory: self.memory, refused: 0 });
        store.limiter(|limits| limits);
        store.set_hostcall_fuel(SMALL_ANSWER);
        // A store starts at deadline 0: a start function would trap at once.
        store.set_epoch_deadline(self.ticks);
        let made = Linker::new(&self.engine).instantiate(&mut store, component);
        match made.and_then(|made| Ok((Rule::new(&mut store, &made)?, made))) {
            Ok((rule, made)) => {
                let explain = made.get_typed_func(&mut store, "explain-flags").ok();
                Ok(Instance { store, rule, explain, explains: true, ticks: self.ticks })
            }
            Err(error) => Err(failure(&store, &error)),
        }
    }
}

impl Instance {
    pub(super) fn describe(&mut self) -> Result<Manifest, Failure> {
        self.arm(SMALL_ANSWER);
        let answer = self.rule.weir_rule_guest().call_describe(&mut self.store);
        answer.map(contract::manifest).map_err(|e| failure(&self.store, &e))
    }

    pub(super) fn configure(&mut self, scales: &[u8], parameters: &BTreeMap<String, String>) -> Result<(), Failure> {
        self.arm(SMALL_ANSWER);
        let pairs: Vec<_> = parameters.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        match self.rule.weir_rule_guest().call_configure(&mut self.store, scales, &pairs) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(message)) => {
                Err(Failure { code: "RULE_OUTPUT", message: shorten(&format!("configure refused: {message}")) })
            }
            Err(e) => Err(failure(&self.store, &e)),
        }
    }

    pub(super) fn can_be_told(&self) -> bool {
        self.explain.is_some()
    }

    /// Whether flags have details from now on. Without effect on a module that cannot be told: there they always have.
    pub(super) fn explain(&mut self, wanted: bool) -> Result<(), Failure> {
        if self.explains == wanted {
            return Ok(());
        }
        self.arm(SMALL_ANSWER);
        if let Some(explain) = &self.explain {
            explain.call(&mut self.store, (wanted,)).map_err(|e| failure(&self.store, &e))?;
        }
        self.explains = wanted;
        Ok(())
    }

    /// Its hits, which are on rows and with codes (so many does the manifest name) that are there.
    pub(super) fn judge(
        &mut self,
        rows: usize,
        columns: &[contract::guest::Column<'_>],
        codes: usize,
    ) -> Result<Vec<contract::guest::Hit>, Failure> {
        self.arm(JUDGE_ANSWER);
        let answer = self.rule.weir_rule_guest().call_judge(&mut self.store, rows as u32, columns);
        let hits = answer.map_err(|e| failure(&self.store, &e))?;
        contract::check(&hits, rows, codes).map_err(|message| Failure { code: "RULE_OUTPUT", message })?;
        Ok(hits)
    }

    fn arm(&mut self, answer: usize) {
        // A growth that an earlier call was refused and did without is not why this one fails.
        self.store.data_mut().refused = 0;
        self.store.set_hostcall_fuel(answer);
        self.store.set_epoch_deadline(self.ticks);
    }
}

fn failure(store: &Store<Limits>, error: &wasmtime::Error) -> Failure {
    let code = match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => "RULE_TIMEOUT",
        _ if store.data().refused > 0 || uncounted(error) => "RULE_MEMORY",
        Some(_) => "RULE_TRAP",
        None => "RULE_OUTPUT",
    };
    Failure { code, message: shorten(&message(error)) }
}

/// What a module says ends in logs, answers and audits: a line that fits, without what would draw on a terminal.
pub(super) fn shorten(text: &str) -> String {
    shorten_to(text, TEXT)
}

pub(super) fn shorten_to(text: &str, most: usize) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).map(clean).chain(['…']).collect(),
        None => text.chars().map(clean).collect(),
    }
}

/// More instances, memories or tables than the limiter's numbers: wasmtime compares these without asking it.
fn uncounted(error: &wasmtime::Error) -> bool {
    error.root_cause().to_string().starts_with("resource limit exceeded")
}

/// In one line, the cause first: a dead letter keeps 256 bytes, and the names of the functions on the way are the
/// module's to choose.
fn message(error: &wasmtime::Error) -> String {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else {
        return format!("{error:#}");
    };
    let mut message = error.root_cause().to_string();
    for (at, name) in trace.frames().iter().filter_map(|frame| frame.func_name()).take(FRAMES).enumerate() {
        message.push_str(if at == 0 { " in " } else { " < " });
        message.extend(name.chars().filter(|c| !c.is_control()).take(FRAME_NAME));
    }
    message
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.memory;
        self.refused += u32::from(!fits);
        Ok(fits)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= TABLE;
        self.refused += u32::from(!fits);
        Ok(fits)
    }

    fn instances(&self) -> usize {
        2
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        2
    }
}
