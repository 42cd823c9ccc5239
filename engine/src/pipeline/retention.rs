//! What is old goes, in small batches beside the checkpoints: windows by `sink.retention`, and revisions of the rule set by
//! `rules.history` where Kafka holds no record that they judged. One instance does it: the one that has partition 0. For a moment
//! two may, at a rebalance; what is deleted twice is deleted once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::status::Status;
use crate::config::Config;
use crate::model::ids::{Offset, Partition};
use crate::source::Source;
use crate::store::{Store, StoreError};

/// Between two looks at the windows.
const EVERY: Duration = Duration::from_secs(60);
/// Until the first one of those that find this instance without the partition.
const SOON: Duration = Duration::from_secs(1);
/// Between two looks at the history, and until the first.
const HISTORY: (Duration, Duration) = (Duration::from_secs(3_600), EVERY);
/// Windows a transaction: some milliseconds.
const BATCH: u32 = 500;
/// Between two transactions, so that checkpoints have most of the database's time.
const PAUSE: Duration = Duration::from_millis(50);

/// Until told to stop.
pub(super) async fn keep(
    config: Arc<Config>,
    store: Arc<dyn Store>,
    status: Arc<Status>,
    mut stopping: watch::Receiver<bool>,
) {
    let work = async {
        let mut history = Instant::now() + HISTORY.1;
        loop {
            let ours = status.partitions().get(&Partition(0)).is_some_and(|partition| partition.committed.is_some());
            if !ours {
                tokio::time::sleep(SOON).await;
                continue;
            }
            if let Err(why) = windows(&config, store.as_ref()).await {
                tracing::warn!("windows beyond sink.retention are not deleted this time: {why}");
            }
            if Instant::now() >= history {
                history = Instant::now() + HISTORY.0;
                if let Err(why) = revisions(&config, store.as_ref()).await {
                    tracing::warn!("revisions beyond rules.history are not deleted this time: {why:#}");
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    tokio::select! {
        // Err: whoever could tell us to stop is gone.
        _ = stopping.wait_for(|stop| *stop) => {}
        () = work => {}
    }
}

async fn windows(config: &Config, store: &dyn Store) -> Result<(), StoreError> {
    let Some(retention) = config.sink.retention else { return Ok(()) };
    let kept = retention + config.window.size;
    let before = chrono::Utc::now().timestamp_millis() - i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
    loop {
        let gone = store.drop_windows(before, BATCH).await?;
        metrics::counter!("weir_windows_deleted_total").increment(gone);
        if gone < BATCH.into() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn revisions(config: &Config, store: &dyn Store) -> anyhow::Result<()> {
    for (partition, start) in log_starts(config, store).await? {
        while store.forget_activations(partition, start).await? > 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
    loop {
        let gone = store.forget_revisions(config.rules.history).await?;
        metrics::counter!("weir_revisions_deleted_total").increment(gone);
        if gone == 0 {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Where each partition's log begins, by a client that joins no group and ends with the question.
async fn log_starts(config: &Config, store: &dyn Store) -> anyhow::Result<Vec<(Partition, Offset)>> {
    let partitions: Vec<_> = store.positions().await?.into_iter().map(|position| position.partition).collect();
    let source = Source::connect(&config.source, None)?;
    let bounds = source.reader().bounds(&partitions).await;
    tokio::task::spawn_blocking(move || drop(source));
    Ok(bounds?.into_iter().map(|(partition, low, _)| (partition, low)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Here one that has no tables yet; whoever asks logs it and asks again.
    #[tokio::test]
    async fn a_database_that_deletes_nothing_says_why() {
        let text = include_str!("../../../weir.toml");
        let mut config = Config::parse(text, &|_| Some("a-secret-of-16-bytes".into())).expect("the repository's own");
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("weir.db").display());
        let store = crate::store::connect(&url, "p", "t").await.expect("a file");
        assert!(windows(&config, store.as_ref()).await.is_ok(), "nothing is asked for where no retention is set");
        config.sink.retention = Some(Duration::from_secs(86_400));
        let why = windows(&config, store.as_ref()).await.expect_err("there is no table").to_string();
        assert!(why.contains("before it was prepared"), "{why}");
    }
}
