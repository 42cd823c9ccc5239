//! What both databases must do alike. Each scenario has a pipeline and table of its own.

use std::sync::Arc;

use weir::model::aggregate::{Aggregate, Measure};
use weir::model::checkpoint::*;
use weir::model::ids::{Offset, Partition, Revision};
use weir::store::{ClusterCheck, Outcome, StoreError, connect};

use crate::store::fixture::*;
use crate::store::{catalog, finals, instances, retention, size};
use weir_testkit::oracle::aggregates::{decimal, kept};

async fn sums_are_exact(url: &str) {
    let (store, epoch) = begun(url, "exact").await;
    for at in 0..1_001 {
        store.commit(&checkpoint(epoch, at, at + 1, vec![window(Some("PAYMENT"), 1, 1, amount(10))])).await.unwrap();
    }
    let text = |t: &str| Some(t.to_owned());
    assert_eq!(sums(&store).await, [(text("PAYMENT"), 1_001, vec![text("100.10"), text("0.10"), text("0.10")])]);
    let row = &store.windows(1, true).await.unwrap()[0];
    assert_eq!((row.window_start, row.window_end), (5_000, 10_000));
    assert_eq!(store.positions().await.unwrap()[0].checkpoint, 1_001);
}

async fn a_missing_amount_is_no_zero(url: &str) {
    let (store, epoch) = begun(url, "nulls").await;
    let none = Measured::default();
    let pairs = [(none, none), (none, amount(-5)), (amount(-5), none), (amount(-5), amount(7))];
    for (at, pick) in [(0, 0), (1, 1)] {
        let side = |p: &(Measured, Measured)| if pick == 0 { p.0 } else { p.1 };
        let windows = pairs.iter().zip(1..).map(|(pair, id)| window(Some("x"), id, 1, side(pair))).collect();
        store.commit(&checkpoint(epoch, at, at + 1, windows)).await.unwrap();
    }
    let text = |t: &str| Some(t.to_owned());
    let values: Vec<_> = sums(&store).await.into_iter().map(|row| row.2).collect();
    let one = vec![text("-0.05"), text("-0.05"), text("-0.05")];
    assert_eq!(values, [vec![None; 3], one.clone(), one, vec![text("0.02"), text("-0.05"), text("0.07")]]);
}

async fn every_aggregate_is_added_as_over_all_values_at_once(url: &str) {
    let measures = Measure::all_of("amount", 2, &Aggregate::ALL);
    let layout = StatsLayout { measures: measures.clone(), ..layout("aggregates") };
    let store = connect(url, "aggregates", "finance_stream").await.unwrap();
    store.prepare(&fingerprint("aggregates"), &layout).await.unwrap();
    let epoch = store.take(&[P0]).await.unwrap()[0].epoch;
    store.begin(P0, epoch, Offset(0)).await.unwrap();
    let steps: [&[i64]; 4] = [&[], &[10, -5, 7], &[-8], &[]];
    for (at, values) in (0..).zip(steps) {
        let unscaled = |measure: &Measure| kept(measure.aggregate.name(), values, 2).map(|(unscaled, _)| unscaled);
        let measures = measures.iter().map(unscaled).collect();
        let window = WindowDelta { measures, ..window(Some("x"), 1, 1, amount(0)) };
        store.commit(&checkpoint(epoch, at, at + 1, vec![window])).await.unwrap();
    }
    let whole = |measure: &Measure| {
        let (unscaled, scale) = kept(measure.aggregate.name(), &steps.concat(), 2).expect("there are values");
        (measure.column(), Some(decimal(unscaled, scale)))
    };
    let wanted: Vec<_> = measures.iter().map(whole).collect();
    assert_eq!(store.windows(1, false).await.unwrap()[0].measures, wanted);
}

async fn a_fenced_checkpoint_leaves_nothing(url: &str) {
    let store = prepared(url, "fenced").await;
    let taken = store.take(&[P0, Partition(1)]).await.unwrap();
    for t in &taken {
        store.begin(t.partition, t.epoch, Offset(0)).await.unwrap();
    }
    store.take(&[Partition(1)]).await.unwrap();
    let mut lost = checkpoint(taken[0].epoch, 0, 9, vec![window(None, 1, 1, amount(1))]);
    lost.partitions.push(PartitionProgress {
        partition: Partition(1),
        epoch: taken[1].epoch,
        ..lost.partitions[0].clone()
    });
    lost.outbox = Arc::new([OutboxChunk { partition: P0, first_offset: Offset(3), chunk: 0, letters: vec![1] }]);
    lost.activations.push(Activation { partition: P0, first_offset: Offset(0), revision: Revision(1) });
    assert!(matches!(store.commit(&lost).await, Err(StoreError::Fenced(Partition(1)))));
    assert_eq!(store.outcome(&lost).await.unwrap(), Outcome::NotCommitted);
    assert_eq!(sums(&store).await, []);
    assert_eq!(store.activations(9).await.unwrap(), []);
    let again = &store.take(&[P0]).await.unwrap()[0];
    assert_eq!((again.next_offset, again.outbox.len(), again.watermark), (Some(Offset(0)), 0, None));
}

async fn letters_stay_in_order_until_published(url: &str) {
    let (store, epoch) = begun(url, "outbox").await;
    let chunk =
        |first, chunk, byte| OutboxChunk { partition: P0, first_offset: Offset(first), chunk, letters: vec![byte; 3] };
    let chunks = vec![chunk(2, 0, 1), chunk(5, 1, 2), chunk(20, 0, 3)];
    let sent = Checkpoint { outbox: chunks.clone().into(), ..checkpoint(epoch, 0, 30, vec![]) };
    store.commit(&sent).await.unwrap();
    assert_eq!(store.outcome(&sent).await.unwrap(), Outcome::Committed);
    let taken = store.take(&[P0]).await.unwrap().remove(0);
    assert_eq!(taken.outbox, chunks);
    store.published(&[(P0, epoch, Offset(30))]).await.unwrap();
    store.published(&[(P0, taken.epoch, Offset(20))]).await.unwrap();
    let taken = store.take(&[P0]).await.unwrap().remove(0);
    assert_eq!((taken.outbox, taken.published), (vec![chunks[2].clone()], Some(Offset(20))));
}

async fn a_partition_begins_once(url: &str) {
    let store = prepared(url, "begin").await;
    let taken = store.take(&[P0]).await.unwrap().remove(0);
    assert_eq!((taken.next_offset, taken.published, taken.epoch), (None, None, 1));
    store.begin(P0, 1, Offset(7)).await.unwrap();
    store.begin(P0, 1, Offset(7)).await.unwrap();
    assert!(matches!(store.begin(P0, 1, Offset(8)).await, Err(StoreError::Fenced(P0))));
    assert!(matches!(store.begin(P0, 2, Offset(7)).await, Err(StoreError::Fenced(P0))));
    let taken = store.take(&[P0]).await.unwrap().remove(0);
    assert_eq!((taken.next_offset, taken.published), (Some(Offset(7)), None), "K is not there yet");
}

async fn a_changed_fingerprint_is_refused_by_name(url: &str) {
    begun(url, "print").await;
    let changed = Fingerprint { window_ms: 60_000, ..fingerprint("print") };
    let store = connect(url, "print", "finance_stream").await.unwrap();
    let error = store.prepare(&changed, &layout("print")).await.unwrap_err().to_string();
    assert!(error.contains("window.size was 5000 ms and is 60000 ms"), "{error}");
    assert!(!error.contains("group_by"), "{error}");
}

/// As the version before Kafka's id was asked for left it.
async fn a_pipeline_without_a_cluster_takes_the_first_and_refuses_another(url: &str) {
    let (store, _) = begun(url, "cluster").await;
    let old = "{\"topic\":\"finance_stream\",\"group\":\"weir\",\"letter_topic\":\"dead_letter_queue\",\"window_ms\":5000,\
               \"group_by\":[\"type\"],\"scales\":[[\"amount\",2]],\"table\":\"stats_cluster\"}";
    assert_eq!(serde_json::to_string(&fingerprint("cluster")).unwrap(), old, "the text that baac756 wrote");
    let on = |id: Option<&str>| Fingerprint { cluster: id.map(str::to_owned), ..fingerprint("cluster") };
    let prepare = async |id: Option<&str>| {
        let store = connect(url, "cluster", "finance_stream").await.unwrap();
        store.prepare(&on(id), &layout("cluster")).await
    };
    drop(store);
    for (id, check) in
        [(Some("one"), ClusterCheck::NotMade), (Some("one"), ClusterCheck::Passed), (None, ClusterCheck::NotMade)]
    {
        assert_eq!(prepare(id).await.unwrap(), check, "{id:?}");
    }
    let refused = prepare(Some("two")).await.unwrap_err().to_string();
    for part in ["source.brokers", "cluster \"one\"", "\"two\"", "JSON_REMOVE", "another name"] {
        assert!(refused.contains(part) && !refused.contains('\n'), "{refused}");
    }
    prepare(Some("one")).await.unwrap();
}

async fn a_fingerprint_binds_from_the_first_position_on(url: &str) {
    let first = prepared(url, "unbound").await;
    let taken = first.take(&[P0]).await.unwrap().remove(0);
    let changed = Fingerprint { group: "another".into(), ..fingerprint("unbound") };
    let second = connect(url, "unbound", "finance_stream").await.unwrap();
    second.prepare(&changed, &layout("unbound")).await.unwrap();
    let error = first.begin(P0, taken.epoch, Offset(0)).await.unwrap_err().to_string();
    assert!(error.contains("source.group was \"another\" and is \"weir\""), "whoever came first is told: {error}");
    second.begin(P0, taken.epoch, Offset(0)).await.unwrap();
    let error = first.prepare(&fingerprint("unbound"), &layout("unbound")).await.unwrap_err().to_string();
    assert!(error.contains("source.group was \"another\" and is \"weir\""), "from now on it is refused: {error}");
}

async fn a_table_has_one_pipeline_whatever_its_case(url: &str) {
    prepared(url, "cased").await;
    let other = connect(url, "another", "finance_stream").await.unwrap();
    for table in ["stats_cased", "Stats_Cased"] {
        let mine = Fingerprint { table: table.into(), ..fingerprint("cased") };
        let layout = StatsLayout { table: table.into(), ..layout("cased") };
        let error = other.prepare(&mine, &layout).await.unwrap_err().to_string();
        assert!(error.contains("stats_cased belongs to the pipeline \"cased\""), "{error}");
    }
    for table in ["stats_cased_final", "STATS_cased_final"] {
        let mine = Fingerprint { table: table.into(), ..fingerprint("cased") };
        let layout = StatsLayout { table: table.into(), ..layout("cased") };
        let done = other.prepare(&mine, &layout).await;
        // MariaDB on Linux tells names apart by case, and then this is a table of its own.
        if table == "stats_cased_final" || url.starts_with("sqlite") {
            let error = done.unwrap_err().to_string();
            assert!(error.contains("is a view, not a table"), "{error}");
        }
    }
}

async fn an_aggregate_that_is_no_longer_asked_for_is_refused(url: &str) {
    let mut fewer = layout("fewer");
    prepared(url, "fewer").await;
    fewer.measures.retain(|measure| measure.aggregate != Aggregate::Min);
    let store = connect(url, "fewer", "finance_stream").await.unwrap();
    let error = store.prepare(&fingerprint("fewer"), &fewer).await.unwrap_err().to_string();
    assert!(error.contains("it has the column amount_min"), "{error}");
}

async fn a_column_of_the_groups_may_be_named_as_an_aggregate_that_is_not_asked_for(url: &str) {
    let mut named = StatsLayout { group_by: vec!["amount_min".into()], ..layout("named") };
    named.measures.retain(|measure| measure.aggregate != Aggregate::Min);
    let store = connect(url, "named", "finance_stream").await.unwrap();
    for start in ["the first", "on a table that is there"] {
        store.prepare(&fingerprint("named"), &named).await.expect(start);
    }
}

async fn groups_that_look_alike_stay_apart(url: &str) {
    let (store, epoch) = begun(url, "groups").await;
    let long = "é".repeat(300);
    let values = [Some("a"), Some("A"), Some("a "), Some(""), None, Some(long.as_str())];
    let windows = values.iter().zip(1..).map(|(value, id)| window(*value, id, 1, amount(1))).collect();
    store.commit(&checkpoint(epoch, 0, 1, windows)).await.unwrap();
    let groups: Vec<_> = sums(&store).await.into_iter().map(|row| row.0).collect();
    let mut wanted = values.map(|value| value.map(String::from));
    wanted[5] = Some("é".repeat(255));
    assert_eq!(groups, wanted);
}

async fn sums_pass_the_extremes_of_i64(url: &str) {
    let (store, epoch) = begun(url, "extremes").await;
    for at in 0..3 {
        let windows = vec![window(Some("hi"), 1, 1, amount(i64::MAX)), window(Some("lo"), 2, 1, amount(i64::MIN))];
        store.commit(&checkpoint(epoch, at, at + 1, windows)).await.unwrap();
    }
    let sums: Vec<_> = sums(&store).await.into_iter().map(|row| row.2[0].clone().unwrap()).collect();
    assert_eq!(sums, ["276701161105643274.21", "-276701161105643274.24"]);
}

async fn two_writers_add_to_the_same_groups(url: &str) {
    let store = prepared(url, "writers").await;
    let mut writers = Vec::new();
    for number in 0..2 {
        let (store, partition) = (store.clone(), Partition(number));
        writers.push(tokio::spawn(async move {
            let epoch = store.take(&[partition]).await.unwrap()[0].epoch;
            store.begin(partition, epoch, Offset(0)).await.unwrap();
            for at in 0..50 {
                let windows = (0..100).map(|id| window(Some("g"), id, 1, amount(1))).collect();
                let mut checkpoint = checkpoint(epoch, at, at + 1, windows);
                checkpoint.partitions[0].partition = partition;
                while let Err(error) = store.commit(&checkpoint).await {
                    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
                }
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let rows = sums(&store).await;
    assert_eq!(rows.len(), 100);
    assert!(rows.iter().all(|row| row.1 == 100 && row.2[0].as_deref() == Some("1.00")));
}

pub(crate) async fn all(url: &str) {
    sums_are_exact(url).await;
    a_missing_amount_is_no_zero(url).await;
    every_aggregate_is_added_as_over_all_values_at_once(url).await;
    a_fenced_checkpoint_leaves_nothing(url).await;
    letters_stay_in_order_until_published(url).await;
    a_partition_begins_once(url).await;
    a_changed_fingerprint_is_refused_by_name(url).await;
    a_fingerprint_binds_from_the_first_position_on(url).await;
    catalog::rows_of_the_rule_set_that_were_lost_are_told_and_repaired(url).await;
    a_pipeline_without_a_cluster_takes_the_first_and_refuses_another(url).await;
    a_table_has_one_pipeline_whatever_its_case(url).await;
    an_aggregate_that_is_no_longer_asked_for_is_refused(url).await;
    a_column_of_the_groups_may_be_named_as_an_aggregate_that_is_not_asked_for(url).await;
    groups_that_look_alike_stay_apart(url).await;
    sums_pass_the_extremes_of_i64(url).await;
    catalog::the_catalog_advances_by_one_and_refuses_a_stale_base(url).await;
    two_writers_add_to_the_same_groups(url).await;
    finals::windows_are_final_once_every_partition_has_passed_them(url).await;
    finals::windows_of_a_range_come_with_up_to_where_they_are_final(url).await;
    finals::a_partition_that_stands_still_for_the_configured_time_holds_nothing_back(url).await;
    retention::windows_go_from_the_oldest_on(url).await;
    retention::revisions_go_that_judged_nothing_which_kafka_still_holds(url).await;
    instances::instances_see_each_other_and_who_is_silent(url).await;
    size::a_checkpoint_of_thousands_of_groups_is_added_whole(url).await;
}
