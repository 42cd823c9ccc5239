//! `risk_stats_final`: which windows it shows, and that it follows the configuration.

use std::sync::Arc;
use std::time::Duration;

use weir::model::checkpoint::Checkpoint;
use weir::model::ids::{Offset, Partition};
use weir::store::{Store, connect_with};

use crate::store::fixture::*;

const P1: Partition = Partition(1);

fn of_p1(epoch: u64, from: i64, to: i64) -> Checkpoint {
    let mut checkpoint = checkpoint(epoch, from, to, vec![]);
    checkpoint.partitions[0].partition = P1;
    checkpoint
}

pub(crate) async fn windows_are_final_once_every_partition_has_passed_them(url: &str) {
    let (store, epoch) = begun(url, "final").await;
    let other = store.take(&[Partition(1)]).await.unwrap()[0].epoch;
    store.begin(Partition(1), other, Offset(0)).await.unwrap();
    store.commit(&checkpoint(epoch, 0, 10, vec![window(Some("x"), 1, 1, amount(1))])).await.unwrap();
    assert_eq!(store.windows(9, true).await.unwrap(), []);
    for (to, finals) in [(9, 0), (10, 1)] {
        let mut checkpoint = checkpoint(other, if to == 9 { 0 } else { 9 }, to, vec![]);
        checkpoint.partitions[0].partition = Partition(1);
        store.commit(&checkpoint).await.unwrap();
        assert_eq!(store.windows(9, true).await.unwrap().len(), finals, "at watermark {to} s");
    }
}

async fn with_idle_after(url: &str, idle_after: Duration) -> Arc<dyn Store> {
    let store = connect_with(url, "idle", "finance_stream", idle_after).await.unwrap();
    store.prepare(&fingerprint("idle"), &layout("idle")).await.unwrap();
    store
}

pub(crate) async fn a_partition_that_stands_still_for_the_configured_time_holds_nothing_back(url: &str) {
    let (short, long) = (Duration::from_secs(3), Duration::from_secs(60));
    let store = with_idle_after(url, short).await;
    let claimed = store.take(&[P0, P1]).await.unwrap();
    for partition in &claimed {
        store.begin(partition.partition, partition.epoch, Offset(0)).await.unwrap();
    }
    store.commit(&of_p1(claimed[1].epoch, 0, 1)).await.unwrap();
    store.commit(&checkpoint(claimed[0].epoch, 0, 10, vec![window(Some("x"), 1, 1, amount(1))])).await.unwrap();
    assert_eq!(store.windows(9, true).await.unwrap().len(), 0, "the other partition has just moved");
    tokio::time::sleep(short + Duration::from_millis(300)).await;
    store.commit(&checkpoint(claimed[0].epoch, 10, 11, vec![])).await.unwrap();
    assert_eq!(store.windows(9, true).await.unwrap().len(), 1, "the other partition has stood still");

    let patient = with_idle_after(url, long).await;
    assert_eq!(patient.windows(9, true).await.unwrap().len(), 0, "a longer time takes effect at the next start");
    let again = with_idle_after(url, short).await;
    assert_eq!(again.windows(9, true).await.unwrap().len(), 1, "and so does a shorter one");
}
