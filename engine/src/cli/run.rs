//! `weir run` and `weir check`, which share their rules: `pipeline::plan`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::out;
use super::printable::printable;
use crate::config::Config;
use crate::pipeline::TokensRead;
use crate::{arenas, pipeline, telemetry};

/// How long what is still at work on tokio's threads may take when everything else has ended.
const SHUTDOWN: Duration = Duration::from_millis(200);

/// What can differ between two runs is in the file.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration, as weir.toml
    config: PathBuf,
    /// Logs as one JSON object a line
    #[arg(long)]
    json_logs: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    args: Args,
    /// Also ask Kafka, the database, Redis and the rules directory that it names: a line each. Joins no group, writes nothing
    #[arg(long)]
    connect: bool,
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
    let path = args.config.clone();
    let result = runtime.block_on(async { pipeline::run(config, signaled()?, tokens_again(path)?).await });
    // Calls to Kafka that were given up run on, on threads of their own: at the end nobody waits for them.
    runtime.shutdown_timeout(SHUTDOWN);
    result
}

pub(super) fn check(CheckArgs { args, connect }: &CheckArgs) -> anyhow::Result<()> {
    let config = Config::load(&args.config)?;
    let plan = pipeline::plan(&config)?;
    out::line(format_args!(
        "{}: fine; {} fields, topic {}",
        args.config.display(),
        plan.schema.fields.len(),
        config.source.topic
    ));
    if !connect {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut failed = 0;
    runtime.block_on(pipeline::inquire(&config, &plan, |(asked, answer)| {
        failed += usize::from(answer.is_err());
        out::line(printable(&answered(&asked, &answer)));
    }));
    runtime.shutdown_timeout(SHUTDOWN);
    if failed > 0 {
        bail!("{failed} of what the configuration names is not as it should be; the lines FAILED say what to do");
    }
    Ok(())
}

/// A message that begins with the key says it once.
fn answered(asked: &str, answer: &Result<String, String>) -> String {
    match answer {
        Ok(found) => format!("ok      {asked}: {found}"),
        Err(why) if why.starts_with(asked) => format!("FAILED  {why}"),
        Err(why) => format!("FAILED  {asked}: {why}"),
    }
}

/// SIGTERM or Ctrl-C, whichever comes first. The handlers are in place when this returns, not when its answer is first waited
/// for: without that a SIGTERM during the start would end the process by the signal's default.
fn signaled() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The configuration's tokens and people, at each SIGHUP. Taken before anything starts, as else the signal would end the process.
fn tokens_again(path: PathBuf) -> std::io::Result<mpsc::Receiver<TokensRead>> {
    let mut asked = signal(SignalKind::hangup())?;
    let (send, receive) = mpsc::channel(1);
    tokio::spawn(async move {
        while asked.recv().await.is_some() {
            let path = path.clone();
            let read = tokio::task::spawn_blocking(move || Config::load(path).map(|config| config.admin)).await;
            let read = match read {
                Ok(read) => read.map_err(|why| why.to_string().replace('\n', "; ")),
                Err(why) => Err(why.to_string()),
            };
            if send.send(read).await.is_err() {
                return;
            }
        }
    });
    Ok(receive)
}
