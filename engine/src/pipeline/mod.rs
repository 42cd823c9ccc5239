//! The only folder that knows every stage. Here: putting a pipeline together from its configuration, running it until
//! it is told to stop, and stopping it in order. [`worker`] is the loop of one worker.

mod adapters;
mod deadline;
mod inquiry;
mod instances;
mod preflight;
mod retention;
mod store_probe;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::admin;
use crate::build_info;
use crate::clock;
use crate::conditions::{Conditions, Severity};
use crate::config::{self, Config};
use crate::enrich::lookup;
use crate::kafka;
use crate::model::checkpoint::Fingerprint;
use crate::outbox::{self, Publisher};
use crate::rules::{Catalog, RulesDirectory, Runtime};
use crate::source::Source;
use crate::status::Status;
use crate::store::{self, ClusterCheck, Store};
use crate::telemetry;
use crate::worker;

use deadline::Deadline;

pub use inquiry::{Answer, inquire};
pub use preflight::{Plan, plan};
pub use tokens::TokensRead;

/// The condition of an API that asks for no token.
const OPEN: &str = "admin.open";

/// A pipeline that runs, seen from outside.
pub struct Running {
    /// Where the admin API listens; of interest where the configuration said port 0.
    pub admin: std::net::SocketAddr,
    /// The live rules.
    pub catalog: Arc<Catalog>,
    /// What the workers do.
    pub status: Arc<Status>,
    /// The database.
    pub store: Arc<dyn Store>,
    keys: admin::Keys,
    stop: Arc<AtomicBool>,
    /// Ends the tasks beside the workers, also where the pipeline is dropped.
    stopped: DropGuard,
    workers: Vec<Thread>,
    service: tokio::task::JoinHandle<()>,
    keeper: tokio::task::JoinHandle<()>,
    instances: tokio::task::JoinHandle<()>,
}

/// A worker's thread. Its end is told before its clients are closed, which may take as long as Kafka is silent.
struct Thread {
    thread: std::thread::JoinHandle<()>,
    tells: oneshot::Receiver<anyhow::Result<()>>,
}

/// Time for the API, the watcher of rules and the workers' clients to end, once all workers have.
const REST: Duration = Duration::from_millis(500);

/// Runs until `shutdown`, then takes a last checkpoint and stops, within `checkpoint.drain` and 2 s. `shutdown` is heard
/// while it starts, too. `tokens`: those that replace the ones of the configuration, each time that somebody asked for it.
///
/// # Errors
/// If it can't start, a worker ended by itself, or the last checkpoint failed; the chain names the reason.
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
    tokens: mpsc::Receiver<TokensRead>,
) -> anyhow::Result<()> {
    let deadline = Deadline::new(config.checkpoint.drain);
    let told = deadline.heard(shutdown);
    let mut running = tokio::select! {
        biased;
        () = told.cancelled() => return Ok(()),
        running = start(config) => running?,
    };
    deadline.running(running.status.clone());
    tokio::spawn(tokens::follow(tokens, running.keys.clone(), running.status.conditions.clone()));
    tokio::select! {
        () = told.cancelled() => {}
        why = running.failed() => tracing::error!("a worker ended by itself: {why}"),
        back = clock::set_back() => {
            let why = format!(
                "the machine's clock was set back by {} s, for which Kafka's client would stand still: this process ends, \
                 and goes on exactly where it is started again",
                back.as_secs()
            );
            tracing::error!("{why}");
            telemetry::say(&format!("weir: {why}"));
            // Not in order: that would wait for the client.
            std::process::exit(1);
        }
    }
    running.stop().await
}

/// Connects everything, loads the rules and starts the workers. Every error here is one that an operator can fix.
///
/// # Errors
/// If the configuration, a service or a stored rule can't be used; the chain says what to do.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    let config = Arc::new(config);
    let Plan { schema, spec } = plan(&config)?;
    let metrics = telemetry::metrics();
    build_info::build_info().count();

    // The port first: a second engine on one machine should say so before it touches anything.
    let listener = TcpListener::bind(config.admin.listen)
        .await
        .with_context(|| format!("admin.listen: cannot listen on {}", config.admin.listen))?;
    let admin_at = listener.local_addr()?;

    // A mistyped path would be a pipeline without rules.
    RulesDirectory::check(&config.rules).await.context("rules.dir")?;
    // Three systems side by side: each takes several round trips. All before the fingerprint is kept: else a mistyped topic would be
    // what the pipeline "ran with", and the right one refused.
    let (sink, pipeline) = (&config.sink, &config.pipeline.name);
    let connect =
        store::connect_with(sink.url.expose_secret(), pipeline, &config.source.topic, config.window.idle_after);
    let asked = async {
        outbox::check_topics(&config).await?;
        anyhow::Ok(kafka::cluster_id(&config.source).await)
    };
    // Its own error names the key.
    let redis = async { anyhow::Ok(lookup::check(&config.lookup).await?) };
    let (store, cluster, ()) = tokio::try_join!(async { connect.await.context("sink.url") }, asked, redis)?;
    let fingerprint = Fingerprint { cluster, ..config.fingerprint() };
    let of_cluster = store.prepare(&fingerprint, &spec.layout(&config.sink.table)).await.context("sink")?;

    let count = config.engine.count();
    let clients = (0..count).map(|index| connected(&config, index)).collect::<anyhow::Result<Vec<_>>>()?;
    let runtime = Runtime::new(&config.rules).context("rules")?;
    let catalog =
        Catalog::open(runtime.clone(), store.clone(), schema.clone(), config.clone()).await.context("rules")?;
    if of_cluster == ClusterCheck::NotMade {
        // Else another cluster's engine would publish its rules here before its first claim is refused.
        catalog.hold_directory();
    }
    let directory = Arc::new(RulesDirectory::new(catalog.clone(), &config.rules));
    directory.publish().await.context("rules.dir")?;

    let status = Arc::new(Status::default());
    // Before anybody can ask: without workers none would be missing, and the API say that it is ready.
    (0..count).for_each(|worker| status.members.add(worker));
    open_to_all(&config.admin, admin_at, &status.conditions);
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = CancellationToken::new();
    let stopped = stopping.clone().drop_guard();
    let keeper = {
        let (catalog, directory, stopping) = (catalog.clone(), directory.clone(), stopping.clone());
        tokio::spawn(async move {
            // Apart, so that a file which compiles for long holds back no swap and no breaker.
            tokio::join!(catalog.run(stopping.clone()), directory.follow(stopping));
        })
    };
    tokio::spawn(store_probe::watch(store.clone(), status.clone(), stopping.clone()));
    tokio::spawn(retention::keep(config.clone(), store.clone(), status.clone(), stopping.clone()));

    let own = Arc::new(instances::Instances::new(&config.admin, admin_at));
    let view = adapters::pipeline_view(&config, &catalog, &status, &own);
    let shown = (view.clone(), status.clone());
    let instances = tokio::spawn(instances::keep(own, shown, catalog.clone(), store.clone(), stopping.clone()));

    let rules = (&catalog, &directory);
    let state = adapters::admin_state(&config, &schema, &runtime, rules, &store, view, metrics);
    let keys = state.keys();
    let service = tokio::spawn(admin::serve(listener, admin::router(state), stopping.cancelled_owned()));

    let parts = |index| worker::Parts {
        index,
        config: config.clone(),
        schema: schema.clone(),
        spec: spec.clone(),
        runtime: runtime.clone(),
        catalog: catalog.clone(),
        store: store.clone(),
        status: status.clone(),
        stop: stop.clone(),
        tokio: tokio::runtime::Handle::current(),
    };
    let workers = clients.into_iter().enumerate();
    let workers = workers.map(|(index, (source, publisher))| worker::Worker::new(parts(index), source, publisher));
    let workers = workers.collect::<anyhow::Result<Vec<_>>>()?;
    let workers = spawn(workers, &stop)?;
    tracing::info!(admin = %admin_at, workers = count, revision = %catalog.live().revision, "running");
    Ok(Running { admin: admin_at, catalog, status, store, keys, stop, stopped, workers, service, keeper, instances })
}

/// Whoever is on this machine, and any program that they run, may change what is judged: nobody should find that out later.
fn open_to_all(admin: &config::Admin, at: std::net::SocketAddr, conditions: &Conditions) {
    if admin::Keys::new(admin).open() {
        let message = format!(
            "the admin API at {at} asks for no token: anyone on this machine may change rules; set admin.tokens.viewer and \
             admin.tokens.publisher (`weir token new` prints one)"
        );
        conditions.raise(Severity::Warning, OPEN, "", message);
    }
}

/// A worker's clients, which connect while the rules are compiled: otherwise a worker has partitions before its producer is
/// ready, and workers that join the group at different times are given partitions twice. Needs a Tokio runtime.
fn connected(config: &Config, worker: usize) -> anyhow::Result<(Source, Publisher)> {
    let (source, mut publisher) = worker::clients(config, worker)?;
    let reader = source.reader();
    tokio::spawn(async move { reader.warm_up().await });
    publisher.prepare_ahead();
    Ok((source, publisher))
}

/// A thread each. All of them run, or none is left behind: nobody would stop those any more.
fn spawn(workers: Vec<worker::Worker>, stop: &AtomicBool) -> anyhow::Result<Vec<Thread>> {
    let mut threads = Vec::new();
    for (index, mut worker) in workers.into_iter().enumerate() {
        let (tell, tells) = oneshot::channel();
        // Enabled whatever WEIR_LOG lets through, so that every line of the thread says whose it is.
        let span = tracing::error_span!("worker", worker = index);
        let work = move || {
            let _worker = span.entered();
            let _ = tell.send(worker.run());
            drop(worker);
        };
        match std::thread::Builder::new().name(format!("worker-{index}")).spawn(work) {
            Ok(thread) => threads.push(Thread { thread, tells }),
            Err(why) => {
                stop.store(true, Ordering::Release);
                return Err(why).with_context(|| format!("no thread for worker {index} of engine.workers"));
            }
        }
    }
    Ok(threads)
}

impl Running {
    /// Ends when a worker does, which it does only for good: the others must not go on as if all were well.
    async fn failed(&mut self) -> &'static str {
        loop {
            // Told, or dropped by a panic: it works no more.
            if self.workers.iter().any(|worker| worker.thread.is_finished() || !worker.tells.is_empty()) {
                return "see its error";
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Takes a last checkpoint in every worker, then ends the API.
    ///
    /// # Errors
    /// If a worker had ended by itself, or its last checkpoint failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.status.stop();
        self.stop.store(true, Ordering::Release);
        let (tells, threads): (Vec<_>, Vec<_>) = self.workers.into_iter().map(|w| (w.tells, w.thread)).unzip();
        let ended = futures::future::join_all(tells).await;
        self.stopped.disarm().cancel();
        // Closed in order if it takes no time: what does not end by itself ends with the process.
        let rest = async {
            let _ = (self.service.await, self.keeper.await, self.instances.await);
            while threads.iter().any(|thread| !thread.is_finished()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(REST, rest).await;
        for result in ended {
            match result {
                Ok(result) => result?,
                Err(_) => bail!("a worker panicked; what it had not committed is judged again at the next start"),
            }
        }
        Ok(())
    }
}
