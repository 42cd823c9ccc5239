//! `weir run` and `weir check`.

use std::path::PathBuf;
use std::time::Duration;

use super::out;
use crate::config::Config;
use crate::{arenas, pipeline, store, telemetry};

/// How long what is still at work on tokio's threads may take when everything else has ended.
const SHUTDOWN: Duration = Duration::from_millis(200);

/// What can differ between two runs stands in the file.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration, as weir.toml
    config: PathBuf,
    /// Logs as one JSON object a line
    #[arg(long)]
    json_logs: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    args: Args,
    /// Suspends stored rules that do not fit this configuration, for every instance, instead of refusing to start
    #[arg(long)]
    suspend_misfits: bool,
}

pub(super) fn run(RunArgs { args, suspend_misfits }: &RunArgs) -> anyhow::Result<()> {
    let mut config = Config::load(&args.config)?;
    config.rules.suspend_misfits = *suspend_misfits;
    telemetry::init_logs(args.json_logs);
    arenas::bound(config.engine.count());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async { pipeline::run(config, signalled()?).await });
    // Calls to Kafka that were given up run on, on threads of their own: at the end nobody waits for them.
    runtime.shutdown_timeout(SHUTDOWN);
    result
}

pub(super) fn check(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(&args.config)?;
    let schema = config.schema()?;
    store::validate_url(&config.sink.url).map_err(|why| anyhow::anyhow!("sink.url {why}"))?;
    out::line(format_args!(
        "{}: fine; {} fields, topic {}",
        args.config.display(),
        schema.fields.len(),
        config.source.topic
    ));
    Ok(())
}

/// SIGTERM or Ctrl-C, whichever comes first. The handlers stand when this returns, not when its answer is first waited
/// for: without that a SIGTERM during the start would end the process by the signal's default.
fn signalled() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
