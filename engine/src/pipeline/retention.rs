//! What is old goes, in small batches beside the checkpoints: windows by `sink.retention`, and revisions of the rule set by
//! `rules.history` where Kafka holds no record that they judged. One instance does it: the one that has partition 0. For a moment two
//! may, at a rebalance; what is deleted twice is deleted once. Rows of instances that were not heard of for a day are deleted by every
//! instance, once a minute: one that has partition 0 may not be there, and they are few.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::clock::now_ms;
use crate::config::Config;
use crate::model::ids::{Offset, Partition};
use crate::source::Source;
use crate::status::Status;
use crate::store::{RetentionStore, StoreError};

/// Pause between two rounds of deleting windows, and of deleting rows of instances.
const EVERY: Duration = Duration::from_secs(60);
/// Until the first one of those that find this instance without the partition.
const SOON: Duration = Duration::from_secs(1);
/// Pause between two rounds of deleting revisions, and before the first.
const HISTORY: (Duration, Duration) = (Duration::from_secs(3_600), EVERY);
/// An instance that did not write its row for so long is no more, in milliseconds: a day.
const SILENT_MS: i64 = 86_400_000;
/// Windows a transaction: some milliseconds.
const BATCH: u32 = 500;
/// Pause between two transactions, so that checkpoints have most of the database's time.
const PAUSE: Duration = Duration::from_millis(50);

/// Until told to stop.
pub(super) async fn keep(
    config: Arc<Config>,
    store: Arc<dyn RetentionStore>,
    status: Arc<Status>,
    stopping: CancellationToken,
) {
    let work = async {
        let mut history = Instant::now() + HISTORY.1;
        let mut instances = tokio::time::Instant::now();
        loop {
            if tokio::time::Instant::now() >= instances {
                instances = tokio::time::Instant::now() + EVERY;
                if let Err(why) = store.forget_instances(SILENT_MS).await {
                    tracing::warn!(
                        "rows of instances that were not heard of for a day are not deleted this time: {why}"
                    );
                }
            }
            let ours =
                status.partitions.all().get(&Partition(0)).is_some_and(|partition| partition.committed.is_some());
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
        () = stopping.cancelled() => {}
        () = work => {}
    }
}

async fn windows(config: &Config, store: &dyn RetentionStore) -> Result<(), StoreError> {
    let Some(retention) = config.sink.retention else { return Ok(()) };
    let kept = retention + config.window.size;
    let before = now_ms() - i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
    loop {
        let gone = store.drop_windows(before, BATCH).await?;
        metrics::counter!("weir_windows_deleted_total").increment(gone);
        if gone < BATCH.into() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn revisions(config: &Config, store: &dyn RetentionStore) -> anyhow::Result<()> {
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
async fn log_starts(config: &Config, store: &dyn RetentionStore) -> anyhow::Result<Vec<(Partition, Offset)>> {
    let partitions: Vec<_> = store.positions().await?.into_iter().map(|position| position.partition).collect();
    let source = Source::connect(&config.source, None)?;
    let bounds = source.reader().bounds(&partitions).await;
    tokio::task::spawn_blocking(move || drop(source));
    Ok(bounds?.into_iter().map(|(partition, low, _)| (partition, low)).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::model::catalog::{Audit, Entry, Mode};
    use crate::model::checkpoint::{Activation, Checkpoint, PartitionProgress, StatsLayout};
    use crate::model::ids::{Revision, Sha256};
    use crate::source::mocked;

    /// Here one that has no tables yet; whoever asks logs it and asks again.
    #[tokio::test]
    async fn a_database_that_deletes_nothing_says_why() {
        let text = include_str!("../../../weir.toml");
        let mut config = Config::parse(text, &|_| Some("a-secret-of-16-bytes".into())).expect("the repository's own");
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("weir.db").display());
        let store = crate::store::connect(&url, "p", "t").await.expect("a file");
        assert!(windows(&config, store.as_ref()).await.is_ok(), "nothing is asked for where no retention is set");
        assert!(store.forget_instances(SILENT_MS).await.is_err(), "there is no table");
        config.sink.retention = Some(Duration::from_secs(86_400));
        let why = windows(&config, store.as_ref()).await.expect_err("there is no table").to_string();
        assert!(why.contains("before it was prepared"), "{why}");
    }

    /// Counts how often rows of instances are deleted. Nothing else is for an instance without partition 0 to ask.
    #[derive(Default)]
    struct InstancesOnly(AtomicU64);

    #[async_trait]
    impl RetentionStore for InstancesOnly {
        async fn positions(&self) -> Result<Vec<crate::model::store::Position>, StoreError> {
            unreachable!("it has not partition 0")
        }

        async fn drop_windows(&self, _: i64, _: u32) -> Result<u64, StoreError> {
            unreachable!("it has not partition 0")
        }

        async fn forget_activations(&self, _: Partition, _: Offset) -> Result<u64, StoreError> {
            unreachable!("it has not partition 0")
        }

        async fn forget_revisions(&self, _: u64) -> Result<u64, StoreError> {
            unreachable!("it has not partition 0")
        }

        async fn forget_instances(&self, _: i64) -> Result<u64, StoreError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(0)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_without_partition_0_deletes_rows_of_dead_instances_once_a_minute() {
        let text = include_str!("../../../weir.toml");
        let config = Config::parse(text, &|_| Some("a-secret-of-16-bytes".into())).expect("the repository's own");
        let (store, stopping) = (Arc::new(InstancesOnly::default()), CancellationToken::new());
        let kept = tokio::spawn(keep(Arc::new(config), store.clone(), Arc::new(Status::default()), stopping.clone()));
        tokio::time::sleep(Duration::from_secs(150)).await;
        stopping.cancel();
        kept.await.expect("it asks nothing else");
        assert_eq!(store.0.load(Ordering::Relaxed), 3, "at once, and after each minute");
    }

    /// Where the log begins is asked of Kafka, by a client of its own.
    #[tokio::test(flavor = "multi_thread")]
    async fn revisions_go_but_for_those_that_judged_what_kafka_holds() {
        let (_cluster, brokers) = mocked("t");
        let text = include_str!("../../../weir.toml");
        let mut config = Config::parse(text, &|_| Some("a-secret-of-16-bytes".into())).expect("the repository's own");
        (config.source.brokers, config.source.topic) = (brokers, "t".into());
        config.rules.history = 20;
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("weir.db").display());
        let store = crate::store::connect(&url, "p", "t").await.expect("a file");
        let layout = StatsLayout { table: "stats".into(), group_by: Vec::new(), measures: Vec::new() };
        store.prepare(&config.fingerprint(), &layout).await.expect("tables");
        let epoch = store.take(&[Partition(0)]).await.expect("it is free")[0].epoch;
        store.begin(Partition(0), epoch, Offset(0)).await.expect("it is ours");
        for base in 0..30 {
            let audit = Audit {
                at: 0,
                who: "publisher".into(),
                action: "retire".into(),
                rule: "r".into(),
                revision: base + 1,
                detail: String::new(),
                reason: None,
            };
            let entry = Entry {
                name: "r".into(),
                sha256: Sha256::of(b"r"),
                order: 0,
                mode: Mode::Live,
                parameters: Default::default(),
                from_directory: false,
                suspended: None,
            };
            store.advance(Revision(base), None, &[entry], &audit).await.expect("it is the next");
        }
        let (from, to) = (Offset(0), Offset(1));
        let moved = PartitionProgress { partition: Partition(0), epoch, from, to, watermark: None };
        let judged = Activation { partition: Partition(0), first_offset: from, revision: Revision(5) };
        let checkpoint = Checkpoint { partitions: vec![moved], activations: vec![judged], ..Checkpoint::default() };
        store.commit(&checkpoint).await.expect("it is ours");

        revisions(&config, store.as_ref()).await.expect("Kafka and the database answer");
        // Of 1 to 9 the one that judged stays.
        let left: Vec<_> = store.audit(99).await.expect("rows").into_iter().map(|line| line.revision).collect();
        assert_eq!(left, (10..=30).rev().chain([5]).collect::<Vec<_>>());
        config.source.brokers = "127.0.0.1:1".into();
        assert!(revisions(&config, store.as_ref()).await.is_err(), "a log that can't be asked for lets nothing go");
    }
}
