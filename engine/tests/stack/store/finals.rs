//! `risk_stats_final`: which windows it shows, and that it follows the configuration.

use std::sync::Arc;
use std::time::Duration;

use weir::model::checkpoint::{Checkpoint, WindowDelta};
use weir::model::ids::{Offset, Partition};
use weir::store::{Store, WindowsWanted, connect_with};

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

pub(crate) async fn windows_of_a_range_come_with_up_to_where_they_are_final(url: &str) {
    let (store, epoch) = begun(url, "range").await;
    assert_eq!(
        store.windows_of(WindowsWanted { limit: 9, ..WindowsWanted::default() }).await.unwrap().final_upto,
        None
    );
    let at = |start| WindowDelta { start, end: start + 5_000, ..window(Some("x"), 1, 1, amount(1)) };
    let windows = (0..6).map(|number| at(number * 5_000)).collect();
    // Its watermark is at 12 s.
    store.commit(&checkpoint(epoch, 0, 12, windows)).await.unwrap();
    let all = WindowsWanted { limit: 9, ..WindowsWanted::default() };
    let between = WindowsWanted { from: Some(5_000), to: Some(20_000), ..all };
    for (wanted, starts) in [
        (all, &[25_000, 20_000, 15_000, 10_000, 5_000, 0][..]),
        (WindowsWanted { limit: 2, ..all }, &[25_000, 20_000]),
        (between, &[15_000, 10_000, 5_000]),
        (WindowsWanted { final_only: true, ..between }, &[5_000]),
        (WindowsWanted { from: Some(5_001), to: None, final_only: true, ..all }, &[]),
        (WindowsWanted { to: Some(1), ..all }, &[0]),
    ] {
        let read = store.windows_of(wanted).await.unwrap();
        let found: Vec<_> = read.rows.iter().map(|row| row.window_start).collect();
        assert_eq!((found.as_slice(), read.final_upto), (starts, Some(12_000)), "{wanted:?}");
    }
    let beyond = WindowsWanted { from: Some(i64::MAX), ..all };
    assert!(store.windows_of(beyond).await.unwrap_err().to_string().contains("no calendar holds"));
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
