//! The process's wasmtime engine, the clock of its epochs, and instances within limits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wasmtime::component::{Component, Linker, TypedFunc};
use wasmtime::{Config, Engine, ResourceLimiter, Store, Trap, UpdateDeadline, WasmBacktrace};

use super::contract::{self, Rule};
use super::cpu;
use crate::conditions::Conditions;
use crate::config;
use crate::model::catalog::Manifest;
use crate::rules::text::shorten;

const TICK: Duration = Duration::from_millis(10);
/// Time between two ticks if the ticker was a little late, as it is on a machine that is not starved.
const LATE_TICK: Duration = Duration::from_millis(12);
const SMALL_ANSWER: usize = 256 << 10;
const JUDGE_ANSWER: usize = 1 << 20;
/// Time over which the costs of rules are averaged, unless a test says otherwise.
const COST_WINDOW: Duration = Duration::from_secs(10);
/// Elements of a table.
const TABLE: usize = 10_000;
/// Functions that a failure names.
const FRAMES: usize = 8;
const FRAME_NAME: usize = 100;

/// The engine for WebAssembly can't be made.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly runtime can't start: {0}")]
pub struct RuntimeError(String);

/// wasmtime's engine with the limits of the configuration.
pub struct Runtime {
    pub(in crate::rules) engine: Engine,
    /// The binary whose `compile-module` compiles.
    pub(in crate::rules) compiler: PathBuf,
    pub(in crate::rules) max_module: usize,
    memory: usize,
    /// Processor time of a call.
    timeout: Duration,
    /// A live rule's, a record.
    pub(in crate::rules) budget: Duration,
    /// Share of a worker's time, from 0 to 1, for all shadow rules together.
    pub(in crate::rules) shadow_budget: f64,
    /// Time over which costs are averaged.
    pub(in crate::rules) cost_window: Duration,
    /// What judges and the catalog find.
    pub(in crate::rules) conditions: Conditions,
}

/// The code of a failure that is the host's: it is short of memory. No record and no rule is ever blamed for it.
pub(in crate::rules) const HOST: &str = "HOST_MEMORY";

/// Why a call failed.
#[derive(Clone, Debug)]
pub(in crate::rules) struct Failure {
    pub(in crate::rules) code: &'static str,
    pub(in crate::rules) message: String,
}

/// A rule's instance: dropped after any failure.
pub(in crate::rules) struct Instance {
    store: Store<Limits>,
    rule: Rule,
    /// As the SDK's modules export it: the calls that follow fill in the details of flags, or do not.
    explain: Option<TypedFunc<(bool,), ()>>,
    explains: bool,
}

struct Limits {
    memory: usize,
    refused: u32,
    /// The host had no memory for a growth that these limits allow.
    short: bool,
    timeout: Duration,
    armed: Instant,
    /// The thread's processor time when the call began, known from its first tick on.
    began: Option<Duration>,
    /// The worker stops: no call goes on.
    stop: Arc<AtomicBool>,
}

impl Limits {
    /// At each tick of a call that runs: whether it goes on. It is timed by the processor time that it had, so that a thread
    /// which is not scheduled costs no rule its call. So a call ends between its time-out and a tick later.
    fn goes_on(&mut self) -> bool {
        let now = cpu::thread();
        let began = *self.began.get_or_insert_with(|| {
            // It had the processor all the while if the first tick came in time. If not, nobody knows for how long: for no more
            // than a tick, and in doubt the rule is not charged.
            let since = self.armed.elapsed();
            now.saturating_sub(if since <= LATE_TICK { since } else { Duration::ZERO })
        });
        now.saturating_sub(began) < self.timeout && !self.stop.load(Ordering::Relaxed)
    }
}

/// The same in the service and in its compiler, or code would not load.
pub(in crate::rules) fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true).concurrency_support(false).cranelift_nan_canonicalization(true);
    config.wasm_relaxed_simd(false).wasm_memory64(false).wasm_multi_memory(false);
    Engine::new(&config)
}

impl Runtime {
    /// Compiles by the binary that runs, and by no other that the environment names: what a compiler gives is run as
    /// native code. Starts the ticker, which ends with the runtime.
    ///
    /// # Errors
    /// [`RuntimeError`]: as [`Runtime::with_compiler`], or the binary that runs is not to be found.
    pub fn new(rules: &config::Rules) -> Result<Arc<Self>, RuntimeError> {
        let compiler = std::env::current_exe().map_err(|e| RuntimeError(e.to_string()))?;
        Self::with_compiler(rules, compiler)
    }

    /// With another binary whose `compile-module` compiles: for tests.
    ///
    /// # Errors
    /// [`RuntimeError`]: this machine can't run WebAssembly, or has no thread for the ticker.
    pub fn with_compiler(rules: &config::Rules, compiler: PathBuf) -> Result<Arc<Self>, RuntimeError> {
        Self::with_cost_window(rules, compiler, COST_WINDOW)
    }

    /// The same with costs averaged over another time than 10 s: for tests that wait for the end of a window.
    ///
    /// # Errors
    /// [`RuntimeError`]: as [`Runtime::with_compiler`].
    pub fn with_cost_window(
        rules: &config::Rules,
        compiler: PathBuf,
        cost_window: Duration,
    ) -> Result<Arc<Self>, RuntimeError> {
        let engine = engine().map_err(|e| RuntimeError(format!("{e:#}")))?;
        let runtime = Arc::new(Self {
            engine: engine.clone(),
            compiler,
            max_module: rules.max_module.as_u64() as usize,
            memory: rules.memory.as_u64() as usize,
            timeout: rules.timeout,
            budget: rules.budget,
            shadow_budget: rules.shadow_budget,
            cost_window,
            conditions: Conditions::default(),
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

    pub(in crate::rules) fn instance(&self, component: &Component) -> Result<Instance, Failure> {
        self.stoppable(component, &Arc::default())
    }

    /// An instance whose calls end once this says so.
    pub(in crate::rules) fn stoppable(
        &self,
        component: &Component,
        stop: &Arc<AtomicBool>,
    ) -> Result<Instance, Failure> {
        let (memory, timeout, stop) = (self.memory, self.timeout, stop.clone());
        let limits = Limits { memory, refused: 0, short: false, timeout, armed: Instant::now(), began: None, stop };
        let mut store = Store::new(&self.engine, limits);
        store.limiter(|limits| limits);
        store.epoch_deadline_callback(|mut store| {
            Ok(if store.data_mut().goes_on() { UpdateDeadline::Continue(1) } else { UpdateDeadline::Interrupt })
        });
        store.set_hostcall_fuel(SMALL_ANSWER);
        // A store starts at deadline 0: a start function would trap at once.
        store.set_epoch_deadline(1);
        let made = Linker::new(&self.engine).instantiate(&mut store, component);
        match made.and_then(|made| Ok((Rule::new(&mut store, &made)?, made))) {
            Ok((rule, made)) => {
                let explain = made.get_typed_func(&mut store, "explain-flags").ok();
                Ok(Instance { store, rule, explain, explains: true })
            }
            Err(error) if error.downcast_ref::<Trap>().is_none() && short_of_memory(&error) => {
                Err(Failure { code: HOST, message: shorten(&message(&error)) })
            }
            Err(error) => Err(failure(&store, &error)),
        }
    }
}

impl Instance {
    pub(in crate::rules) fn describe(&mut self) -> Result<Manifest, Failure> {
        self.arm(SMALL_ANSWER);
        let answer = self.rule.weir_rule_guest().call_describe(&mut self.store);
        answer.map(contract::manifest).map_err(|e| failure(&self.store, &e))
    }

    pub(in crate::rules) fn configure(
        &mut self,
        scales: &[u8],
        parameters: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
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

    pub(in crate::rules) fn can_be_told(&self) -> bool {
        self.explain.is_some()
    }

    /// Whether flags have details from now on. Without effect on a module that cannot be told: there they always have.
    pub(in crate::rules) fn explain(&mut self, wanted: bool) -> Result<(), Failure> {
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
    pub(in crate::rules) fn judge(
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
        let limits = self.store.data_mut();
        (limits.refused, limits.short, limits.began) = (0, false, None);
        limits.armed = Instant::now();
        self.store.set_hostcall_fuel(answer);
        self.store.set_epoch_deadline(1);
    }
}

fn failure(store: &Store<Limits>, error: &wasmtime::Error) -> Failure {
    let code = match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => "RULE_TIMEOUT",
        _ if store.data().short => HOST,
        _ if store.data().refused > 0 || uncounted(error) => "RULE_MEMORY",
        Some(_) => "RULE_TRAP",
        None => "RULE_OUTPUT",
    };
    Failure { code, message: shorten(&message(error)) }
}

/// More instances, memories or tables than the limiter's numbers: wasmtime compares these without asking it.
fn uncounted(error: &wasmtime::Error) -> bool {
    error.root_cause().to_string().starts_with("resource limit exceeded")
}

/// Whether an instance could not be made, or its memory not grow, for want of address space or memory of this machine. Only of
/// errors that hold no text of a module.
pub(in crate::rules) fn short_of_memory(error: &wasmtime::Error) -> bool {
    let text = format!("{error:#}");
    text.contains("mmap failed") || text.contains("os error 12") || text.contains("Cannot allocate memory")
}

/// In one line, the cause first: a dead letter keeps 256 bytes, and the names of the functions on the way are the
/// module's to choose.
fn message(error: &wasmtime::Error) -> String {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else {
        return format!("{error:#}");
    };
    let mut message = error.root_cause().to_string();
    let names = trace.frames().iter().filter_map(|frame| frame.func_name()).map(readable);
    for (at, name) in names.filter(|name| !is_of_a_panic(name)).take(FRAMES).enumerate() {
        message.push_str(if at == 0 { " in " } else { " < " });
        message.extend(name.chars().filter(|c| !c.is_control()).take(FRAME_NAME));
    }
    message
}

/// As its author wrote it, `high_amount::judge`: in the module it is mangled.
fn readable(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// What every panic of Rust goes through on its way to the trap.
fn is_of_a_panic(name: &str) -> bool {
    let machinery =
        ["core::panicking::", "std::panicking::", "std::sys::backtrace::", "std::process::abort", "__rustc::"];
    machinery.iter().any(|part| name.starts_with(part)) || ["rust_panic", "rust_begin_unwind", "abort"].contains(&name)
}

/// Which worker this is: each has a thread of its own.
pub(in crate::rules) fn thread_name() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
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

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // Also called for a growth past the module's own maximum, which is its own affair.
        self.short |= short_of_memory(&error);
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_of_a_trap_are_named_as_their_author_did_and_a_panic_s_own_are_left_out() {
        assert_eq!(readable("_ZN11high_amount5judge17h0123456789abcdefE"), "high_amount::judge");
        assert_eq!(readable("_RNvC11high_amount5judge"), "high_amount::judge");
        assert_eq!(readable("any name"), "any name");
        assert!(is_of_a_panic(&readable("_ZN4core9panicking9panic_fmt17h0123456789abcdefE")));
        assert!(!is_of_a_panic("high_amount::panics") && is_of_a_panic("__rustc::rust_begin_unwind"));
    }

    #[test]
    fn a_call_may_take_its_whole_time_and_no_more_than_a_tick_beyond() {
        let (timeout, stop) = (Duration::from_millis(30), Arc::default());
        let began = cpu::thread();
        let mut limits =
            Limits { memory: 0, refused: 0, short: false, timeout, armed: Instant::now(), began: None, stop };
        let mut goes_on_at = |milliseconds| {
            while cpu::thread() - began < Duration::from_millis(milliseconds) {}
            limits.goes_on()
        };
        assert!(goes_on_at(5), "the first tick");
        assert!(goes_on_at(27), "below its time-out");
        assert!(!goes_on_at(41), "past it and a tick");
    }
}
