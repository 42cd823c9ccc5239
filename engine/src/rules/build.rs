//! A rule set from modules and entries, or from another set and other parameters, without a store and without a catalog: to try
//! candidates, or one module with several parameters, on records that somebody already has.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::live::{LiveRule, LiveSet};
use super::module::compile::{Failed, compile_apart};
use super::module::probe::{configure, fit};
use super::module::runtime::Runtime;
use super::module::validate::{Module, module};
use super::text::shorten;
use crate::config::OnFailure;
use crate::model::catalog::{Entry, Manifest};
use crate::model::ids::{Revision, Sha256};
use crate::model::record::Schema;

/// A module that was compiled, keeps the contract, and said what it is.
pub struct CompiledModule {
    sha256: Sha256,
    module: Module,
}

/// Why there is no module, or no set of these modules and entries.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The bytes are no rule.
    #[error("{0}")]
    Module(String),
    /// No fault of the module: nothing compiles, or the machine is short of memory.
    #[error("rules can't be compiled at the moment: {0}")]
    Compiler(String),
    /// An entry names a module that was not given.
    #[error("entry {entry} names the module {sha256}, which is not among those given")]
    NoModule {
        /// Name of the entry.
        entry: String,
        /// What it names.
        sha256: Sha256,
    },
    /// Parameters are given for a rule that does not judge.
    #[error("there is no rule {0:?} that judges")]
    NoRule(String),
    /// Two entries would answer the same, or could not be told apart.
    #[error("entries {first} and {second} have the same {what}: each needs its own")]
    Same {
        /// Name of the first of the two.
        first: String,
        /// Name of the other one.
        second: String,
        /// A name, or a module and parameters.
        what: &'static str,
    },
    /// The rule reads what the schema does not have, or does not take its parameters.
    #[error("entry {entry} does not fit: {why}")]
    Unfit {
        /// Name of the entry.
        entry: String,
        /// What does not fit.
        why: String,
    },
}

impl CompiledModule {
    /// Compiles a module in a child process within limits, and asks it for its manifest. Runs guest code for as long as
    /// `rules.timeout` allows.
    ///
    /// # Errors
    /// The bytes are no rule, or the compiler does not run.
    pub async fn compile(runtime: &Arc<Runtime>, wasm: &[u8]) -> Result<Self, BuildError> {
        let code = compile_apart(runtime, wasm).await.map_err(refused)?;
        let runtime = runtime.clone();
        let made = tokio::task::spawn_blocking(move || module(&runtime, &code)).await;
        let module = made.map_err(|why| BuildError::Compiler(why.to_string()))?.map_err(refused)?;
        Ok(Self { sha256: Sha256::of(wasm), module })
    }

    /// Digest of the bytes.
    pub fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// What the module says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.module.manifest
    }
}

fn refused(failed: Failed) -> BuildError {
    match failed {
        Failed::Module(why) | Failed::Killed(why) => BuildError::Module(shorten(&why)),
        Failed::Engine(why) => BuildError::Compiler(shorten(&why)),
    }
}

impl LiveSet {
    /// A set of these entries, each judging by one of the modules. An entry has any name, and a module may be in several with
    /// other parameters. `on_failure`: what becomes of a row that the rule of this name fails on. Runs guest code (each
    /// rule takes its parameters): call it on a blocking thread.
    ///
    /// # Errors
    /// An entry does not fit, or cannot be told from another one.
    pub fn build(
        runtime: &Runtime,
        schema: &Schema,
        revision: Revision,
        modules: &[CompiledModule],
        entries: &[Entry],
        on_failure: impl Fn(&str) -> OnFailure,
    ) -> Result<Self, BuildError> {
        let mut sorted: Vec<&Entry> = entries.iter().collect();
        sorted.sort_by_key(|entry| (entry.order, &entry.name));
        let (mut names, mut keys) = (BTreeMap::new(), BTreeMap::new());
        let mut rules = Vec::with_capacity(sorted.len());
        for entry in sorted {
            let sha256 = entry.sha256;
            let given = modules.iter().find(|module| module.sha256 == sha256);
            let CompiledModule { module, .. } =
                given.ok_or_else(|| BuildError::NoModule { entry: entry.name.clone(), sha256 })?;
            let unfit = |why: String| BuildError::Unfit { entry: entry.name.clone(), why: shorten(&why) };
            let fitted = fit(schema, &module.manifest, &entry.parameters).map_err(unfit)?;
            configure(runtime, module, &fitted).map(drop).map_err(|failed| match failed {
                Failed::Module(why) | Failed::Killed(why) => unfit(why),
                Failed::Engine(why) => BuildError::Compiler(shorten(&why)),
            })?;
            let on_failure = on_failure(&entry.name);
            let (manifest, component) = (module.manifest.clone(), module.component.clone());
            let rule = LiveRule::new(entry, (manifest, component), fitted, on_failure, Arc::default());
            different(&mut names, entry.name.clone(), entry, "name")?;
            different(&mut keys, rule.key, entry, "module and parameters")?;
            rules.push(Arc::new(rule));
        }
        Ok(Self::new(revision, rules))
    }
}

impl LiveSet {
    /// This set with other parameters of some of its rules, by rule and by name; what is not named stays. It counts for itself. Runs
    /// guest code (each rule takes its parameters): call it on a blocking thread.
    ///
    /// # Errors
    /// A rule does not judge, or does not take what is given.
    pub fn with_parameters(
        &self,
        runtime: &Runtime,
        schema: &Schema,
        changes: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<Self, BuildError> {
        let judges = |name: &str| self.rules.iter().any(|rule| rule.judges() && *rule.id.name == *name);
        if let Some(name) = changes.keys().find(|name| !judges(name)) {
            return Err(BuildError::NoRule(name.clone()));
        }
        let rule = |rule: &Arc<LiveRule>| {
            let Some(changed) = changes.get(&*rule.id.name) else { return Ok(rule.clone()) };
            let unfit = |why: String| BuildError::Unfit { entry: rule.id.name.to_string(), why: shorten(&why) };
            let mut parameters = rule.parameters.clone();
            parameters.extend(changed.iter().map(|(name, value)| (name.clone(), value.clone())));
            let fitted = fit(schema, &rule.manifest, &parameters).map_err(unfit)?;
            let module = Module { component: rule.component.clone(), manifest: rule.manifest.clone() };
            configure(runtime, &module, &fitted).map_err(|failed| match failed {
                Failed::Module(why) | Failed::Killed(why) => unfit(why),
                Failed::Engine(why) => BuildError::Compiler(shorten(&why)),
            })?;
            Ok(Arc::new(rule.with(fitted)))
        };
        Ok(Self::new(self.revision, self.rules.iter().map(rule).collect::<Result<_, _>>()?))
    }
}

/// Err: an entry before has the same.
fn different<'a, T: Ord>(
    seen: &mut BTreeMap<T, &'a str>,
    mark: T,
    entry: &'a Entry,
    what: &'static str,
) -> Result<(), BuildError> {
    match seen.insert(mark, &entry.name) {
        None => Ok(()),
        Some(first) => Err(BuildError::Same { first: first.to_owned(), second: entry.name.clone(), what }),
    }
}
