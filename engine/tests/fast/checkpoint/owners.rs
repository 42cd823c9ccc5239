//! Several owners of a partition, and several partitions of an owner: whose checkpoint counts, and what of it.

use std::collections::BTreeMap;
use std::time::Duration;

use weir::checkpoint::{CheckpointBuilder, Failed, ResumePoint, TaskHandle, claim};
use weir::config::Start;
use weir::model::checkpoint::Checkpoint;
use weir::model::ids::{Offset, Partition, Revision};

use super::{World, ten_records, world};
use weir_testkit::fakes::kafka::{Fault, Model, P};

const Q: Partition = Partition(1);
/// Nothing here waits for anything but itself.
const SOON: Duration = Duration::from_secs(10);

fn two_logs() -> Model {
    let model = Model::with_log(0, 50);
    model.cluster().log.insert(Q, (0, 50));
    model
}

/// Ten records of each, and the windows and letters of the first.
fn over_both(points: &[ResumePoint]) -> Checkpoint {
    let mut pending = CheckpointBuilder::default();
    pending.restart(points);
    for point in points {
        pending.judged(point.partition, point.next, Offset(point.next.0 + 10), 10, Revision(1));
    }
    let of_first = ten_records(&points[0]);
    let mut checkpoint = pending.finish(of_first.windows, |_| Some(0)).unwrap();
    checkpoint.outbox = of_first.outbox;
    checkpoint
}

impl World {
    async fn take_both(&mut self) -> Vec<ResumePoint> {
        claim(&*self.store, &mut self.broker, &[P, Q], Start::Earliest, &(), &TaskHandle::default())
            .await
            .unwrap()
            .resume_points
    }

    async fn positions(&self) -> BTreeMap<Partition, Offset> {
        self.store.positions().await.unwrap().iter().map(|at| (at.partition, at.next_offset)).collect()
    }
}

#[tokio::test]
async fn a_checkpoint_fenced_on_one_of_its_partitions_leaves_nothing_of_the_others() {
    let mut world = world(two_logs()).await;
    let points = world.take_both().await;
    // Another worker has the second one by now. The deltas of both are mixed by group: half a checkpoint can't be taken apart.
    claim(&*world.store, &mut world.broker, &[Q], Start::Earliest, &(), &TaskHandle::default()).await.unwrap();
    assert!(matches!(world.advance(&over_both(&points)).await, Err(Failed::Fenced(Q))));
    assert_eq!(world.positions().await, BTreeMap::from([(P, Offset(0)), (Q, Offset(0))]));
    assert_eq!((world.records_in_windows().await, world.broker.letters()), (0, vec![]));

    let points = world.take_both().await;
    world.advance(&over_both(&points)).await.unwrap();
    assert_eq!(world.positions().await, BTreeMap::from([(P, Offset(10)), (Q, Offset(10))]));
    assert_eq!((world.records_in_windows().await, world.broker.letters()), (9, vec![3]));
}

#[tokio::test]
async fn a_checkpoint_judged_upon_one_that_failed_for_good_leaves_nothing_either() {
    let mut world = world(Model::with_log(0, 50)).await;
    let point = world.take().await.resume_points.remove(0);
    let (first, next) = (ten_records(&point), ten_records(&ResumePoint { next: Offset(10), ..point }));
    world.take().await;
    assert!(matches!(world.advance(&first).await, Err(Failed::Fenced(P))));
    assert!(matches!(world.advance(&next).await, Err(Failed::Fenced(P))), "whoever went on judging was fenced with it");
    assert_eq!((world.records_in_windows().await, world.broker.letters()), (0, vec![]));
}

#[tokio::test]
async fn a_checkpoint_upon_one_that_never_came_through_is_refused_by_its_position_alone() {
    let mut world = world(Model::with_log(0, 50)).await;
    let point = world.take().await.resume_points.remove(0);
    // The epoch is right; the ten records before it are in no window.
    let next = ten_records(&ResumePoint { next: Offset(10), ..point });
    assert!(matches!(world.advance(&next).await, Err(Failed::Fenced(P))));
    assert_eq!((world.records_in_windows().await, world.broker.letters()), (0, vec![]));
}

#[tokio::test]
async fn a_new_partition_that_two_workers_see_begins_once_and_belongs_to_the_later_one() {
    let mut world = world(Model::with_log(5, 50)).await;
    let first = world.take().await.resume_points.remove(0);
    let second = world.take().await.resume_points.remove(0);
    assert_eq!((first.next, second.next), (Offset(5), Offset(5)));
    assert!(second.epoch > first.epoch, "{} and {}", first.epoch, second.epoch);
    assert!(matches!(world.advance(&ten_records(&first)).await, Err(Failed::Fenced(P))));
    world.advance(&ten_records(&second)).await.unwrap();
    assert_eq!((world.records_in_windows().await, world.broker.letters()), (9, vec![8]));
}

#[tokio::test]
async fn a_crash_inside_a_replay_leaves_it_to_the_next_owner_whole() {
    for fault in [Fault::Abort, Fault::GroupMoved, Fault::LostAnswerAborted, Fault::LostAnswerCommitted] {
        let mut world = world(Model::with_log(0, 50)).await;
        let point = world.take().await.resume_points.remove(0);
        world.store.commit(&ten_records(&point)).await.unwrap();
        world.broker.fails_with(&[fault]);
        let given_up = TaskHandle::cancelled();
        let replay = claim(&*world.store, &mut world.broker, &[P], Start::Earliest, &(), &given_up).await;
        assert!(replay.is_err(), "the replay did not come to its end");
        world.take().await;
        assert_eq!((world.broker.letters(), world.broker.k()), (vec![3], Some(Offset(10))));
    }
}

#[tokio::test]
async fn a_transaction_of_its_own_that_was_left_open_is_ended_before_k_is_asked() {
    let mut world = world(Model::with_log(0, 50)).await;
    let point = world.take().await.resume_points.remove(0);
    world.broker.fails_with(&[Fault::LeftOpen]);
    let checkpoint = ten_records(&point);
    let advanced = tokio::time::timeout(SOON, world.advance(&checkpoint)).await;
    advanced.expect("it does not wait for itself").unwrap();
    assert_eq!((world.broker.letters(), world.broker.k()), (vec![3], Some(Offset(10))));

    world.broker.cluster().open = true;
    let taken = tokio::time::timeout(SOON, world.take()).await.expect("nor when it takes partitions");
    assert_eq!(taken.resume_points[0].next, Offset(10));
}
