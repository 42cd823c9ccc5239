//! The catalog: vets modules, keeps the set in the store, and hands workers the set in force.

mod directory;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use wasmtime::component::Component;

use crate::config::Config;
use crate::model::catalog::{Audit, Entry, Manifest, Mode, Origin, RuleSet, Version};
use crate::model::finding::{Finding, RuleId};
use crate::model::ids::{Revision, Sha256};
use crate::model::record::{Batch, FieldId, Schema};
use crate::model::store::{Store, StoreError};
use crate::rules::judge::{Halt, Judge};
use crate::rules::live::{Figures, LiveRule, LiveSet, Trip};
use crate::rules::runtime::Runtime;
use crate::rules::{compile, compiled};
use directory::{Known, RESCAN, SETTLE, Watch};

/// The stored set can't come into force.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the stored rule {rule} does not fit: {message}")]
    Rule { rule: String, message: String },
}

/// Why a change was not made; nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the module has {size} bytes, rules.max_module allows {most}")]
    TooLarge { size: usize, most: usize },
    #[error("not a WebAssembly module: upload the .wasm that cargo built (a .cwasm is refused)")]
    NotWasm,
    #[error("{0}")]
    Module(String),
    #[error("{0}")]
    Unfit(String),
    #[error("there is no rule {0}")]
    NoSuchRule(String),
    #[error("{0}")]
    Conflict(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a module comes.
#[derive(Clone, Debug)]
pub struct Publish {
    pub origin: Origin,
    pub source: String,
    pub who: String,
    pub order: Option<i32>,
    pub mode: Option<Mode>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Published {
    pub name: String,
    pub sha256: Sha256,
    pub revision: Revision,
    pub new: bool,
}

/// What to change of a rule.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub mode: Option<Mode>,
    pub order: Option<i32>,
    pub parameters: Option<BTreeMap<String, String>>,
}

/// A file of the directory that was refused.
#[derive(Clone, Debug)]
pub struct FileProblem {
    pub file: String,
    pub message: String,
}

type Loaded = (Component, Manifest);

struct Inner {
    runtime: Arc<Runtime>,
    store: Arc<dyn Store>,
    schema: Arc<Schema>,
    config: Arc<Config>,
    live: ArcSwap<LiveSet>,
    loaded: Mutex<HashMap<Sha256, Loaded>>,
    /// By file: why it was refused.
    problems: Mutex<BTreeMap<String, String>>,
    known: tokio::sync::Mutex<Known>,
    changing: tokio::sync::Mutex<()>,
    trips: mpsc::Sender<Trip>,
    tripped: tokio::sync::Mutex<mpsc::Receiver<Trip>>,
}

/// A cheap handle.
#[derive(Clone)]
pub struct Catalog(Arc<Inner>);

impl Catalog {
    /// Loads and compiles the stored set.
    pub async fn open(
        runtime: Arc<Runtime>,
        store: Arc<dyn Store>,
        schema: Arc<Schema>,
        config: Arc<Config>,
    ) -> Result<Arc<Self>, CatalogError> {
        let (trips, tripped) = mpsc::channel(64);
        let empty = LiveSet { revision: Revision(0), rules: Vec::new(), needed: Vec::new() };
        let catalog = Arc::new(Self(Arc::new(Inner {
            runtime,
            store,
            schema,
            config,
            live: ArcSwap::from_pointee(empty),
            loaded: Mutex::default(),
            problems: Mutex::default(),
            known: tokio::sync::Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            trips,
            tripped: tokio::sync::Mutex::new(tripped),
        })));
        let set = catalog.0.store.rule_set().await?;
        let live = catalog.load(&set).await?;
        catalog.0.live.store(Arc::new(live));
        Ok(catalog)
    }

    /// The set in force.
    pub fn live(&self) -> Arc<LiveSet> {
        self.0.live.load_full()
    }

    /// Where judges report rules that keep failing.
    pub fn trips(&self) -> mpsc::Sender<Trip> {
        self.0.trips.clone()
    }

    /// Files of the directory that were refused.
    pub fn problems(&self) -> Vec<FileProblem> {
        let problems = self.0.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.iter().map(|(file, message)| FileProblem { file: file.clone(), message: message.clone() }).collect()
    }

    /// Judges without counting.
    pub fn evaluate(&self, batch: &Batch) -> Result<Vec<Finding>, Halt> {
        let mut out = Vec::new();
        Judge::quiet(self.0.runtime.clone()).judge(&self.live(), batch, &mut out)?;
        Ok(out)
    }

    /// The checks of a publish; nothing is kept.
    pub async fn check(&self, wasm: Vec<u8>) -> Result<Manifest, Refused> {
        self.vet(&wasm).await.map(|(_, manifest)| manifest)
    }

    /// Vets, stores and brings into force.
    pub async fn publish(&self, wasm: Vec<u8>, how: Publish) -> Result<Published, Refused> {
        let sha256 = Sha256::of(&wasm);
        let live = self.live();
        if let Some(rule) = live.rules.iter().find(|r| r.id.sha256 == sha256) {
            return Ok(Published { name: rule.id.name.to_string(), sha256, revision: live.revision, new: false });
        }
        let loaded = self.vet(&wasm).await?;
        let manifest = loaded.1.clone();
        self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(sha256, loaded);
        let name = manifest.name.clone();
        let start = self.0.config.rule.get(&name).cloned().unwrap_or_default();
        let version = Version {
            sha256,
            wasm,
            manifest,
            origin: how.origin,
            source: how.source,
            published_at: now(),
            published_by: how.who.clone(),
        };
        let edit = |entries: &mut Vec<Entry>| {
            match entries.iter_mut().find(|e| e.name == name) {
                Some(e) => {
                    e.sha256 = sha256;
                    e.suspended = None;
                    e.order = how.order.unwrap_or(e.order);
                    e.mode = how.mode.unwrap_or(e.mode);
                    e.from_directory = how.origin == Origin::Directory;
                }
                None => entries.push(Entry {
                    name: name.clone(),
                    sha256,
                    order: how.order.or(start.order).unwrap_or(0),
                    mode: how.mode.or(start.mode).unwrap_or_default(),
                    parameters: start.parameters.clone(),
                    from_directory: how.origin == Origin::Directory,
                    suspended: None,
                }),
            }
            Ok(())
        };
        let revision = self.change("publish", &name, &how.who, &sha256.to_string(), Some(&version), edit).await?;
        Ok(Published { name, sha256, revision, new: true })
    }

    /// Changes mode, order or parameters.
    pub async fn patch(&self, name: &str, patch: Patch, who: &str) -> Result<Revision, Refused> {
        let edit = |entries: &mut Vec<Entry>| {
            let e = entry(entries, name)?;
            e.mode = patch.mode.unwrap_or(e.mode);
            e.order = patch.order.unwrap_or(e.order);
            e.parameters.extend(patch.parameters.clone().unwrap_or_default());
            Ok(())
        };
        self.change("patch", name, who, &format!("{patch:?}"), None, edit).await
    }

    /// Back to this version, or to the newest other one.
    pub async fn rollback(&self, name: &str, to: Option<Sha256>, who: &str) -> Result<Revision, Refused> {
        let set = self.live();
        let now = set.rules.iter().find(|r| &*r.id.name == name).map(|r| r.id.sha256);
        let now = now.ok_or_else(|| Refused::NoSuchRule(name.to_owned()))?;
        let versions = self.0.store.versions(Some(name)).await?;
        let mut fitting = versions.iter().map(|v| v.sha256).filter(|&s| s != now && to.is_none_or(|t| t == s));
        let to = fitting.next().ok_or_else(|| Refused::Conflict(format!("rule {name} has no such other version")))?;
        let edit = |entries: &mut Vec<Entry>| {
            let e = entry(entries, name)?;
            (e.sha256, e.suspended) = (to, None);
            Ok(())
        };
        self.change("rollback", name, who, &format!("{now} -> {to}"), None, edit).await
    }

    /// Takes the rule out of the set; its versions stay.
    pub async fn retire(&self, name: &str, who: &str) -> Result<Revision, Refused> {
        let edit = |entries: &mut Vec<Entry>| {
            entry(entries, name)?;
            entries.retain(|e| e.name != name);
            Ok(())
        };
        self.change("retire", name, who, "", None, edit).await
    }

    /// Takes other instances' swaps and breaker trips until told to stop.
    pub async fn run(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        let mut tripped = self.0.tripped.lock().await;
        let dir = &self.0.config.rules.dir;
        if let Err(error) = std::fs::create_dir_all(dir) {
            tracing::warn!(dir = %dir.display(), %error, "the rules directory can't be made");
        }
        let mut watch = Watch::of(dir);
        let mut look = Instant::now();
        loop {
            tokio::select! {
                // The answer borrows the channel's lock, which must not live on: hence the unit.
                () = async { let _ = shutdown.wait_for(|stop| *stop).await; } => return,
                Some(trip) = tripped.recv() => {
                    if let Err(error) = self.trip(&trip).await {
                        tracing::error!(rule = %trip.rule.name, %error, "the breaker could not act");
                    }
                }
                () = watch.changed() => look = look.min(Instant::now() + SETTLE),
                () = tokio::time::sleep_until(look) => {
                    let again = match self.scan().await {
                        Ok(settled) => if settled { RESCAN } else { SETTLE },
                        Err(error) => {
                            tracing::warn!(%error, "the rules directory could not be taken");
                            RESCAN
                        }
                    };
                    look = Instant::now() + again;
                }
                _ = tick.tick() => {
                    if let Err(error) = self.poll().await {
                        tracing::warn!(%error, "the rule set could not be polled");
                    }
                }
            }
        }
    }

    async fn poll(&self) -> Result<(), CatalogError> {
        if self.0.store.revision().await? != self.live().revision {
            let _one = self.0.changing.lock().await;
            let set = self.0.store.rule_set().await?;
            self.0.live.store(Arc::new(self.load(&set).await?));
        }
        Ok(())
    }

    async fn trip(&self, trip: &Trip) -> Result<(), Refused> {
        let live = self.live();
        // Another worker's trip acted already.
        if !live.rules.iter().any(|r| r.id.sha256 == trip.rule.sha256 && r.judges()) {
            return Ok(());
        }
        let versions = self.0.store.versions(Some(&trip.rule.name)).await?;
        // Only an older version: going forward again would swing between two bad ones.
        let older = versions.iter().skip_while(|v| v.sha256 != trip.rule.sha256).nth(1).map(|v| v.sha256);
        let edit = |entries: &mut Vec<Entry>| {
            let e = entry(entries, &trip.rule.name)?;
            match older {
                Some(sha256) => e.sha256 = sha256,
                None => e.suspended = Some(trip.message.clone()),
            }
            Ok(())
        };
        let action = if older.is_some() { "trip" } else { "suspend" };
        self.change(action, &trip.rule.name, "engine", &trip.message, None, edit).await.map(drop)
    }

    async fn change(
        &self,
        action: &str,
        rule: &str,
        who: &str,
        detail: &str,
        version: Option<&Version>,
        edit: impl Fn(&mut Vec<Entry>) -> Result<(), Refused>,
    ) -> Result<Revision, Refused> {
        let _one = self.0.changing.lock().await;
        for _ in 0..5 {
            let mut set = self.0.store.rule_set().await?;
            let base = set.revision;
            edit(&mut set.entries)?;
            set.entries.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
            set.revision = Revision(base.0 + 1);
            let mut live = self.load(&set).await.map_err(|e| match e {
                CatalogError::Store(e) => Refused::Store(e),
                e => Refused::Unfit(e.to_string()),
            })?;
            let audit = Audit {
                at: now(),
                who: who.to_owned(),
                action: action.to_owned(),
                rule: rule.to_owned(),
                revision: set.revision.0,
                detail: detail.to_owned(),
            };
            match self.0.store.advance(base, version, &set.entries, &audit).await {
                Err(StoreError::Stale(_)) => continue,
                Err(e) => return Err(e.into()),
                Ok(revision) => live.revision = revision,
            }
            let revision = live.revision;
            self.0.live.store(Arc::new(live));
            return Ok(revision);
        }
        Err(Refused::Conflict("the rule set keeps changing: try again".into()))
    }

    async fn vet(&self, wasm: &[u8]) -> Result<Loaded, Refused> {
        let most = self.0.runtime.max_module;
        if wasm.len() > most {
            return Err(Refused::TooLarge { size: wasm.len(), most });
        }
        if !wasm.starts_with(b"\0asm") {
            return Err(Refused::NotWasm);
        }
        let code = compile::compile_apart(&self.0.runtime, wasm).await.map_err(Refused::Module)?;
        let runtime = self.0.runtime.clone();
        let described = tokio::task::spawn_blocking(move || {
            let component = compiled::load(&runtime.engine, &code).map_err(|e| format!("{e:#}"))?;
            let imports: Vec<_> =
                component.component_type().imports(&runtime.engine).map(|(name, _)| name.to_owned()).collect();
            if !imports.is_empty() {
                return Err(format!("a rule imports nothing, this one imports {}", imports.join(", ")));
            }
            let manifest = runtime.instance(&component).and_then(|mut i| i.describe());
            manifest.map(|m| (component, m)).map_err(|f| format!("describe failed: {}: {}", f.code, f.message))
        });
        let loaded = described.await.map_err(|e| Refused::Module(e.to_string()))?.map_err(Refused::Module)?;
        let mut parameters = BTreeMap::new();
        if let Some(start) = self.0.config.rule.get(&loaded.1.name) {
            parameters.clone_from(&start.parameters);
        }
        self.fit(&loaded, parameters).map_err(Refused::Unfit)?;
        Ok(loaded)
    }

    /// Fields and parameters against the pipeline, then configure and judge of an empty batch.
    fn fit(&self, (component, manifest): &Loaded, set: BTreeMap<String, String>) -> Result<Fitted, String> {
        let (mut fields, mut scales) = (Vec::new(), Vec::new());
        for field in &manifest.fields {
            let id = self.0.schema.find(&field.name).ok_or(format!("the pipeline has no field {}", field.name))?;
            let known = self.0.schema.field(id);
            if known.kind != field.kind {
                return Err(format!("field {} is {:?}, the rule reads {:?}", field.name, known.kind, field.kind));
            }
            fields.push(id);
            scales.push(known.scale);
        }
        let mut parameters: BTreeMap<_, _> =
            manifest.parameters.iter().map(|p| (p.name.clone(), p.default.clone())).collect();
        for (name, value) in set {
            *parameters.get_mut(&name).ok_or(format!("rule {} has no parameter {name}", manifest.name))? = value;
        }
        let mut instance = self.0.runtime.instance(component).map_err(|f| f.message)?;
        instance.configure(&scales, &parameters).map_err(|f| format!("{}: {}", f.code, f.message))?;
        let empty = Batch::new(&self.0.schema);
        let columns: Vec<_> = fields.iter().map(|&id| crate::rules::contract::column(empty.column(id))).collect();
        instance.judge(0, &columns).map_err(|f| format!("an empty batch: {}: {}", f.code, f.message))?;
        Ok(Fitted { fields, scales, parameters })
    }

    async fn load(&self, set: &RuleSet) -> Result<LiveSet, CatalogError> {
        let before = self.live();
        let mut rules = Vec::new();
        for entry in &set.entries {
            let wrong = |message: String| CatalogError::Rule { rule: entry.name.clone(), message };
            let known = self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(&entry.sha256).cloned();
            let loaded = match known {
                Some(loaded) => loaded,
                None => {
                    let version = self.0.store.version(entry.sha256).await?;
                    let version = version.ok_or_else(|| wrong(format!("version {} is gone", entry.sha256)))?;
                    let loaded = self.vet(&version.wasm).await.map_err(|e| wrong(e.to_string()))?;
                    self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.sha256, loaded.clone());
                    loaded
                }
            };
            let fitted = self.fit(&loaded, entry.parameters.clone()).map_err(wrong)?;
            let old = before.rules.iter().find(|r| r.id.sha256 == entry.sha256);
            let start = self.0.config.rule.get(&entry.name);
            rules.push(Arc::new(LiveRule {
                id: Arc::new(RuleId { name: entry.name.as_str().into(), sha256: entry.sha256 }),
                manifest: loaded.1,
                order: entry.order,
                mode: entry.mode,
                parameters: fitted.parameters,
                on_failure: start.and_then(|s| s.on_failure).unwrap_or(self.0.config.rules.on_failure),
                figures: old.map_or_else(|| Arc::new(Figures::default()), |r| r.figures.clone()),
                suspended: entry.suspended.clone(),
                component: loaded.0,
                fields: fitted.fields,
                scales: fitted.scales,
            }));
        }
        let mut needed: Vec<FieldId> = rules.iter().filter(|r| r.judges()).flat_map(|r| r.fields.clone()).collect();
        needed.sort();
        needed.dedup();
        Ok(LiveSet { revision: set.revision, rules, needed })
    }
}

struct Fitted {
    fields: Vec<FieldId>,
    scales: Vec<u8>,
    parameters: BTreeMap<String, String>,
}

fn entry<'a>(entries: &'a mut [Entry], name: &str) -> Result<&'a mut Entry, Refused> {
    entries.iter_mut().find(|e| e.name == name).ok_or_else(|| Refused::NoSuchRule(name.to_owned()))
}

fn now() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
