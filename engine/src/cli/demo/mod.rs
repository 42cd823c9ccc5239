//! `weir demo`: the service's own code on librdkafka's in-process cluster and SQLite in a fresh folder, with two swaps on
//! the way, and the truth beside the result. The mock cluster keeps only the last 5 MiB of a partition and no
//! transactional offsets, so the producer stays close ahead, and nothing here proves exactly-once.

mod cpu_time;
mod live;
mod report;
mod stream;
mod truth;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rdkafka::mocking::MockCluster;

use super::generate::{self, Parameters};
use super::out;
use crate::clock::now_ms;
use crate::config::Config;
use crate::pipeline::{self, Running};
use crate::telemetry;
use cpu_time::Stopwatch;

const TOPIC: &str = "finance_stream";
const LETTERS: &str = "dead_letter_queue";
const ALERTS: &str = "fraud_alerts";
const PARTITIONS: i32 = 4;
const WORKERS: usize = 2;
/// The rules that are live from the start; `balance_mismatch` is dropped in on the way.
const FIRST_RULES: [&str; 3] = ["negative_amount", "high_amount", "self_transfer"];

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many records
    #[arg(long, default_value_t = 200_000)]
    records: u64,
    /// The same seed gives the same records
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where `make rules` left the modules
    #[arg(long, default_value = "rules.d")]
    rules: PathBuf,
    /// A stricter build of high_amount, as `make demo` leaves it
    #[arg(long, default_value = "target/demo/high_amount.wasm")]
    strict: PathBuf,
    /// Go on running afterwards, with the admin API open, until Ctrl-C
    #[arg(long)]
    live: bool,
    /// Where the console and the API listen, with --live
    #[arg(long, default_value = "127.0.0.1:8080", requires = "live")]
    listen: SocketAddr,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    telemetry::init_logs(false);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(demo(args))
}

async fn demo(args: &Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("a folder for the demo")?;
    let rules_dir = folder.path().join("rules.d");
    std::fs::create_dir(&rules_dir)?;
    for rule in FIRST_RULES {
        copy_rule(&args.rules, &rules_dir, rule)?;
    }
    let strict = std::fs::read(&args.strict)
        .with_context(|| format!("{}: run `make demo`, which builds it", args.strict.display()))?;

    let csv = folder.path().join("records.csv");
    let parameters =
        Parameters { records: args.records, seed: args.seed, start: start(args), rate_ms: 1, clean: false };
    out::note(format_args!("generating {} records (seed {})", args.records, args.seed));
    let truth = generate::write(&parameters, std::io::BufWriter::new(std::fs::File::create(&csv)?))?;
    let expected = truth::Expected::read(&csv, &truth)?;

    let cluster = MockCluster::new(1).context("librdkafka's mock cluster")?;
    cluster.create_topic(TOPIC, PARTITIONS, 1)?;
    cluster.create_topic(LETTERS, PARTITIONS, 1)?;
    cluster.create_topic(ALERTS, PARTITIONS, 1)?;
    let listen = if args.live { args.listen } else { SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) };
    let config = configuration(&cluster.bootstrap_servers(), folder.path(), listen)?;
    out::note(format_args!(
        "starting {WORKERS} workers on the in-process cluster and SQLite in {}",
        folder.path().display()
    ));
    let running = pipeline::start(config).await?;
    joined(&running).await?;

    let stopwatch = Stopwatch::start();
    let places =
        stream::stream(&running, &cluster.bootstrap_servers(), &csv, args.records, swaps(args, strict, &rules_dir))
            .await?;
    committed(&running, args.records).await?;
    let took = stopwatch.stop();

    let verdict = report::print(&running, &expected, &places, &cluster.bootstrap_servers(), &took).await?;
    if args.live {
        let live = live::Live::begin(&cluster.bootstrap_servers())?;
        out::note(format_args!(
            "\nthe console: http://{0}/console/   the API: curl http://{0}/rules   (Ctrl-C ends)\n\
             records go on, with fraud among them; take high_amount back to its first version and see its hits change",
            running.admin
        ));
        tokio::signal::ctrl_c().await?;
        tokio::task::spawn_blocking(|| live.end()).await?;
    }
    running.stop().await?;
    if !verdict {
        bail!("the result differs from the truth");
    }
    Ok(())
}

/// 2026-01-01T00:00:00Z
const START: i64 = 1_767_225_600_000;

/// Event time of the first record. Where more follow, which are of their moment, these come right before them: windows of half a year
/// ago would be all that a chart has room for.
fn start(args: &Args) -> i64 {
    let span = i64::try_from(args.records).unwrap_or(i64::MAX);
    if args.live { now_ms().saturating_sub(span).max(0) } else { START }
}

fn swaps(args: &Args, strict: Vec<u8>, rules_dir: &Path) -> stream::Swaps {
    stream::Swaps {
        strict,
        from: args.rules.join("balance_mismatch.wasm"),
        to: rules_dir.join("balance_mismatch.wasm"),
    }
}

fn copy_rule(from: &Path, to: &Path, rule: &str) -> anyhow::Result<()> {
    let file = format!("{rule}.wasm");
    std::fs::copy(from.join(&file), to.join(&file))
        .with_context(|| format!("{}: run `make rules`, which builds it", from.join(&file).display()))?;
    Ok(())
}

fn configuration(brokers: &str, folder: &Path, listen: SocketAddr) -> anyhow::Result<Config> {
    let folder = folder.display();
    let text = format!(
        r#"
        [pipeline]
        name = "demo"
        [source]
        brokers = "{brokers}"
        topic = "{TOPIC}"
        group = "weir-demo"
        [dead_letters]
        topic = "{LETTERS}"
        [alerts]
        topic = "{ALERTS}"
        codes = ["HIGH_AMOUNT", "SELF_TRANSFER"]
        fields = ["type", "amount", "name_orig", "name_dest"]
        [record]
        event_time = "event_time"
        [record.fields]
        event_time = {{ kind = "timestamp", required = true }}
        type = {{ kind = "text", required = true }}
        amount = {{ kind = "decimal", scale = 2, required = true }}
        name_orig = {{ kind = "text" }}
        name_dest = {{ kind = "text" }}
        old_balance_org = {{ kind = "decimal", scale = 2 }}
        new_balance_orig = {{ kind = "decimal", scale = 2 }}
        [window]
        size = "5s"
        group_by = ["type"]
        measures = {{ amount = ["sum", "min", "max"] }}
        [sink]
        url = "sqlite://{folder}/weir.db"
        [rules]
        dir = "{folder}/rules.d"
        [checkpoint]
        interval = "500ms"
        [engine]
        workers = {WORKERS}
        [admin]
        listen = "{listen}"
        "#
    );
    Ok(Config::parse(&text, &|_| None)?)
}

/// Waits until every worker has its partitions: the mock cluster keeps no transactional offsets, so a rebalance after
/// the first checkpoint would look like lost offsets.
async fn joined(running: &Running) -> anyhow::Result<()> {
    let ready = || {
        let partitions = running.status.partitions.all();
        let workers: std::collections::BTreeSet<_> = partitions.values().map(|status| status.worker).collect();
        partitions.len() == PARTITIONS as usize && workers.len() == WORKERS
    };
    until("the workers to join the group", Duration::from_secs(60), ready).await
}

async fn committed(running: &Running, records: u64) -> anyhow::Result<()> {
    let all = || {
        let partitions = running.status.partitions.all();
        partitions.values().filter_map(|status| status.committed).sum::<i64>() as u64 == records
    };
    until("the last checkpoint", Duration::from_secs(60), all).await
}

async fn until(what: &str, patience: Duration, ready: impl Fn() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    while !ready() {
        if Instant::now() > deadline {
            bail!("waited {patience:?} for {what}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Shared with the threads that stream and ask.
type Shared<T> = Arc<std::sync::Mutex<T>>;
