//! The checkpoint protocol against the real SQLite store and a model of Kafka's transactional contract that fails where
//! it is told to: the rows of docs/interleavings.md that need no broker to be seen.

mod begin;
mod doubt;
mod owners;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use weir::checkpoint::{CheckpointBuilder, ClaimResult, Failed, ResumePoint, TaskHandle, claim, commit};
use weir::config::Start;
use weir::model::aggregate::{Aggregate, Measure};
use weir::model::checkpoint::{Checkpoint, Fingerprint, Group, StatsLayout, WindowDelta};
use weir::model::ids::{Offset, Revision};
use weir::model::letter::Source;
use weir::store::{Store, connect};
use weir_testkit::fakes::kafka::{Cluster, Fault, Model, P};
use weir_testkit::fakes::reason::reason;
use weir_testkit::wait;

struct World {
    store: Arc<dyn Store>,
    broker: Model,
    _folder: tempfile::TempDir,
}

async fn world(broker: Model) -> World {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/weir.db", folder.path().display());
    let store = connect(&url, "fraud", "finance_stream").await.unwrap();
    let layout = StatsLayout {
        table: "risk_stats".into(),
        group_by: vec!["type".into()],
        measures: Measure::all_of("amount", 2, &[Aggregate::Sum, Aggregate::Min, Aggregate::Max]),
    };
    let fingerprint = Fingerprint {
        topic: "finance_stream".into(),
        group: "weir".into(),
        letter_topic: "dead_letter_queue".into(),
        window_ms: 5_000,
        group_by: vec!["type".into()],
        scales: vec![("amount".into(), 2)],
        table: "risk_stats".into(),
        cluster: None,
    };
    store.prepare(&fingerprint, &layout).await.unwrap();
    World { store, broker, _folder: folder }
}

impl World {
    async fn take(&mut self) -> ClaimResult {
        claim(&*self.store, &mut self.broker, &[P], Start::Earliest, &(), &TaskHandle::default()).await.unwrap()
    }

    async fn advance(&mut self, checkpoint: &Checkpoint) -> Result<(), Failed> {
        commit(&*self.store, &mut self.broker, checkpoint, &[], &(), &TaskHandle::default()).await
    }

    async fn records_in_windows(&self) -> i64 {
        self.store.windows(100, false).await.unwrap().iter().map(|row| row.records).sum()
    }
}

/// A checkpoint of ten records from where `point` is, of which the fourth is dirt.
fn ten_records(point: &ResumePoint) -> Checkpoint {
    let mut pending = CheckpointBuilder::default();
    pending.restart(std::slice::from_ref(point));
    let at = Offset(point.next.0 + 3);
    let source = Source { offset: at, timestamp: 0, key: None, value: Some(b"{}"), headers: &[] };
    pending.judged(P, point.next, Offset(point.next.0 + 10), 10, Revision(1));
    pending.letter(P, &source, &reason());
    let delta = WindowDelta {
        start: 0,
        end: 5_000,
        group: Arc::new(Group { id: [7; 16], values: vec![Some("PAYMENT".into())] }),
        records: 9,
        flagged: 0,
        late: 0,
        measures: vec![Some(90), Some(10), Some(10)],
    };
    pending.finish(vec![delta], |_| Some(0)).unwrap()
}

#[tokio::test]
async fn a_partition_never_seen_starts_at_the_log_s_start_and_commits_it() {
    let mut world = world(Model::with_log(5, 50)).await;
    let taken = world.take().await;
    assert_eq!(taken.resume_points[0].next, Offset(5));
    assert_eq!(world.broker.k(), Some(Offset(5)));
}

#[tokio::test]
async fn nothing_is_committed_once_the_group_s_offset_is_gone_and_the_partition_stops() {
    let mut world = world(Model::with_log(0, 50)).await;
    let point = world.take().await.resume_points[0].clone();
    world.advance(&ten_records(&point)).await.unwrap();
    // The topic was deleted and made again, longer than it was: what comes from 10 on are other records.
    world.broker.cluster().k.clear();
    let other = ten_records(&ResumePoint { next: Offset(10), ..point });
    assert!(matches!(world.advance(&other).await, Err(Failed::Forgotten(P))));
    assert_eq!((world.records_in_windows().await, world.broker.letters()), (9, vec![3]));
    let taken = world.take().await;
    assert!(taken.resume_points.is_empty() && taken.stopped[0].why.contains("made anew"), "{taken:?}");
}

#[tokio::test]
async fn offsets_are_not_committed_to_a_topic_that_was_made_again_while_they_were_tried() {
    let mut world = world(Model::with_log(0, 50)).await;
    let point = world.take().await.resume_points.remove(0);
    world.broker.fails_with(&[Fault::TopicRemade]);
    assert!(matches!(world.advance(&ten_records(&point)).await, Err(Failed::Forgotten(P))));
    assert_eq!((world.broker.letters(), world.broker.k()), (vec![], None));
    let taken = world.take().await;
    assert!(taken.resume_points.is_empty() && taken.stopped[0].why.contains("made anew"), "{taken:?}");
}

#[tokio::test]
async fn a_checkpoint_moves_windows_letters_and_both_positions() {
    let mut world = world(Model::with_log(0, 50)).await;
    let point = world.take().await.resume_points.remove(0);
    world.advance(&ten_records(&point)).await.unwrap();
    assert_eq!(world.broker.k(), Some(Offset(10)));
    assert_eq!(world.broker.letters(), [3]);
    assert_eq!(world.records_in_windows().await, 9);
    assert_eq!(world.store.positions().await.unwrap()[0].next_offset, Offset(10));
}

#[tokio::test]
async fn a_crash_between_the_two_commits_is_made_good_by_whoever_takes_the_partition() {
    let mut world = world(Model::with_log(0, 50)).await;
    let point = world.take().await.resume_points.remove(0);
    world.store.commit(&ten_records(&point)).await.unwrap();
    assert_eq!(world.broker.letters(), [0; 0], "nothing was published before the crash");
    let taken = world.take().await;
    assert_eq!(taken.resume_points[0].next, Offset(10));
    assert_eq!((world.broker.letters(), world.broker.k()), (vec![3], Some(Offset(10))));
    world.take().await;
    assert_eq!(world.broker.letters(), [3], "and not again");
}

#[tokio::test]
async fn a_crash_after_the_kafka_commit_publishes_nothing_twice() {
    let mut world = world(Model::with_log(0, 50)).await;
    let point = world.take().await.resume_points.remove(0);
    world.advance(&ten_records(&point)).await.unwrap();
    // The outbox rows are still there: only the next checkpoint would have cleared them.
    world.take().await;
    assert_eq!(world.broker.letters(), [3]);
}

#[tokio::test]
async fn a_zombie_is_fenced_and_leaves_no_trace() {
    let mut world = world(Model::with_log(0, 50)).await;
    let zombie = world.take().await.resume_points.remove(0);
    let owner = world.take().await.resume_points.remove(0);
    assert!(matches!(world.advance(&ten_records(&zombie)).await, Err(Failed::Fenced(P))));
    assert_eq!(world.records_in_windows().await, 0);
    world.advance(&ten_records(&owner)).await.unwrap();
    assert_eq!((world.records_in_windows().await, world.broker.letters()), (9, vec![3]));
}

#[tokio::test]
async fn an_aborted_transaction_is_published_again() {
    let mut world = world(Model::with_log(0, 50)).await;
    let point = world.take().await.resume_points.remove(0);
    world.broker.fails_with(&[Fault::Abort, Fault::Abort]);
    world.advance(&ten_records(&point)).await.unwrap();
    assert_eq!((world.broker.letters(), world.broker.k()), (vec![3], Some(Offset(10))));
}

#[tokio::test]
async fn a_lost_answer_to_a_kafka_commit_is_decided_by_k() {
    for (fault, name) in [(Fault::LostAnswerCommitted, "committed"), (Fault::LostAnswerAborted, "aborted")] {
        let mut world = world(Model::with_log(0, 50)).await;
        let point = world.take().await.resume_points.remove(0);
        world.broker.fails_with(&[fault]);
        world.advance(&ten_records(&point)).await.unwrap();
        assert_eq!((world.broker.letters(), world.broker.k()), (vec![3], Some(Offset(10))), "{name}");
    }
}

#[tokio::test]
async fn a_group_that_moved_on_keeps_the_letters_in_the_outbox_for_the_next_owner() {
    let mut world = world(Model::with_log(0, 50)).await;
    let point = world.take().await.resume_points.remove(0);
    world.broker.fails_with(&[Fault::GroupMoved]);
    assert!(matches!(world.advance(&ten_records(&point)).await, Err(Failed::Group(_))));
    assert_eq!(world.broker.letters(), [0; 0]);
    world.take().await;
    assert_eq!((world.broker.letters(), world.records_in_windows().await), (vec![3], 9));
}

#[tokio::test]
async fn offsets_that_contradict_the_store_stop_the_partition_and_name_the_figures() {
    struct Case {
        what: &'static str,
        change: fn(&mut Cluster),
        says: &'static [&'static str],
    }
    let cases = [
        Case {
            what: "K past N",
            change: |c| c.k.extend([(P, Offset(20))]),
            says: &["committed 20", "the position in the store, 10"],
        },
        Case {
            what: "K gone",
            change: |c| c.k.clear(),
            says: &["no committed offset", "the position in the store is 10"],
        },
        Case { what: "K set back", change: |c| c.k.extend([(P, Offset(2))]), says: &["committed 2", "Reset it to 10"] },
        Case {
            what: "N before the log",
            change: |c| c.log.extend([(P, (30, 50))]),
            says: &["the position in the store is 10", "30 to 50"],
        },
        Case {
            what: "N past the log",
            change: |c| c.log.extend([(P, (0, 4))]),
            says: &["the position in the store is 10", "0 to 4"],
        },
    ];
    for case in cases {
        let mut world = world(Model::with_log(0, 50)).await;
        let point = world.take().await.resume_points.remove(0);
        world.advance(&ten_records(&point)).await.unwrap();
        let epoch = point.epoch;
        world.store.published(&[(P, epoch, Offset(10))]).await.unwrap();
        (case.change)(&mut world.broker.cluster());
        let taken = world.take().await;
        assert!(taken.resume_points.is_empty(), "{}: nothing may be consumed", case.what);
        for words in case.says {
            assert!(taken.stopped[0].why.contains(words), "{}: {}", case.what, taken.stopped[0].why);
        }
        assert_eq!(world.broker.letters(), [3], "{}: nothing is published", case.what);
    }
}

/// Nobody published them: with K at N they would be taken for published and deleted.
#[tokio::test]
async fn letters_that_wait_in_the_outbox_are_published_after_the_reset_that_the_error_names() {
    for (what, change) in [("set back", Some(Offset(2))), ("gone", None)] {
        let mut world = world(Model::with_log(0, 50)).await;
        let mut point = world.take().await.resume_points.remove(0);
        world.advance(&ten_records(&point)).await.unwrap();
        point.next = Offset(10);
        world.store.published(&[(P, point.epoch, Offset(10))]).await.unwrap();
        world.store.commit(&ten_records(&point)).await.unwrap();
        let k = |world: &World, k: Option<Offset>| {
            let all = &mut world.broker.cluster().k;
            match k {
                Some(k) => all.insert(P, k),
                None => all.remove(&P),
            };
        };
        k(&world, change);
        let why = world.take().await.stopped.remove(0).why;
        assert!(why.contains(" to 10 (the 1 outbox chunks are then published"), "{what}: {why}");
        k(&world, Some(Offset(10)));
        assert_eq!(world.take().await.resume_points[0].next, Offset(20), "{what}");
        assert_eq!((world.broker.letters(), world.broker.k()), (vec![3, 13], Some(Offset(20))), "{what}");
    }
}

#[tokio::test]
async fn an_outbox_chunk_that_was_changed_stops_the_partition_unless_it_is_published_already() {
    let mut world = world(Model::with_log(0, 50)).await;
    let point = world.take().await.resume_points.remove(0);
    let mut checkpoint = ten_records(&point);
    let mut chunks = checkpoint.outbox.to_vec();
    let last = chunks[0].letters.len() - 20;
    chunks[0].letters[last] ^= 1;
    checkpoint.outbox = chunks.into();
    world.store.commit(&checkpoint).await.unwrap();
    let why = world.take().await.stopped.remove(0).why;
    for words in ["first_offset 3 and chunk 0", "checksum", "restore the row, or delete it"] {
        assert!(why.contains(words), "{words:?}: {why}");
    }
    world.broker.cluster().k.insert(P, Offset(10));
    assert_eq!(world.take().await.resume_points[0].next, Offset(10));
}

#[tokio::test]
async fn a_group_with_offsets_that_the_store_never_saw_stops() {
    let mut world = world(Model::with_log(0, 50)).await;
    world.broker.cluster().k.insert(P, Offset(12));
    let taken = world.take().await;
    assert!(taken.resume_points.is_empty());
    assert!(taken.stopped[0].why.contains("committed 12"), "{}", taken.stopped[0].why);
}

#[tokio::test]
async fn a_checkpoint_that_waits_for_kafka_ends_at_once_when_it_is_cancelled_and_the_next_owner_finishes_it() {
    let mut world = world(Model::with_log(0, 50)).await;
    let point = world.take().await.resume_points.remove(0);
    const REFUSALS: usize = 1_000;
    world.broker.fails_with(&[Fault::Abort; REFUSALS]);
    let handle = TaskHandle::default();
    let (checkpoint, store, mut broker, given_up) =
        (ten_records(&point), world.store.clone(), world.broker.clone(), handle.clone());
    let task = tokio::spawn(async move { commit(&*store, &mut broker, &checkpoint, &[], &(), &given_up).await });
    wait::until_async("it goes on trying", || {
        assert!(!task.is_finished(), "until somebody says otherwise");
        world.broker.cluster().faults.len() <= REFUSALS - 4
    })
    .await;
    handle.cancel();
    // Not told, it would try for as long as it is refused.
    let ended = tokio::time::timeout(Duration::from_secs(5), task).await.expect("it ends at once");
    assert!(matches!(ended.unwrap(), Err(Failed::Cancelled)));

    world.broker.works_again();
    assert_eq!(
        world.take().await.resume_points[0].next,
        Offset(10),
        "it stands in the store: the next owner goes on from there"
    );
    assert_eq!((world.broker.letters(), world.broker.k()), (vec![3], Some(Offset(10))));
    assert_eq!(world.records_in_windows().await, 9);
}

#[tokio::test]
async fn a_checkpoint_that_is_cancelled_before_it_begins_tries_everything_once() {
    for (faults, through) in [(&[][..], true), (&[Fault::Abort][..], false), (&[Fault::LostAnswerCommitted][..], false)]
    {
        let mut world = world(Model::with_log(0, 50)).await;
        let point = world.take().await.resume_points.remove(0);
        world.broker.fails_with(faults);
        let checkpoint = ten_records(&point);
        let ended = commit(&*world.store, &mut world.broker, &checkpoint, &[], &(), &TaskHandle::cancelled()).await;
        assert_eq!(ended.is_ok(), through, "{ended:?}");
        world.take().await;
        assert_eq!((world.broker.letters(), world.broker.k()), (vec![3], Some(Offset(10))), "exact either way");
        assert_eq!(world.records_in_windows().await, 9);
    }
}
