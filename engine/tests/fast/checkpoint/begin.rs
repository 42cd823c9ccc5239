//! A first take that is interrupted between the first N in the store and the first K in Kafka: whoever takes the partition
//! next must go on, whatever interrupted it. With `published` set too early the partition stops for good.

use weir::checkpoint::{ClaimError, TaskHandle, claim};
use weir::config::Start;
use weir::model::ids::Offset;

use super::{World, world};
use weir_testkit::fakes::kafka::{Fault, Model, P};
use weir_testkit::wait;

/// More than any test lives to see.
const REFUSALS: usize = 100;

impl World {
    async fn interrupted_take(&mut self, handle: &TaskHandle) -> ClaimError {
        let taken = claim(&*self.store, &mut self.broker, &[P], Start::Earliest, &(), handle).await;
        let why = taken.expect_err("the first take must be interrupted");
        let n = self.store.positions().await.unwrap()[0].next_offset;
        assert_eq!(n, Offset(5), "it was interrupted after `begin`");
        why
    }

    async fn n_is_set_and_k_was_refused(&self) {
        wait::until_async("somebody tries to commit the first K", || self.broker.cluster().faults.len() < REFUSALS)
            .await;
    }

    async fn the_next_take_stands_at_the_log_s_start(&mut self, what: &str) {
        self.broker.works_again();
        let taken = self.take().await;
        assert!(taken.stopped.is_empty(), "{what}: {:?}", taken.stopped);
        assert_eq!((taken.resume_points[0].next, self.broker.k()), (Offset(5), Some(Offset(5))), "{what}");
    }
}

/// K as another client may have left it: absent, or 0 beside a log that starts at 5.
fn beginnings() -> [(&'static str, Model); 2] {
    let at_zero = Model::with_log(5, 50);
    at_zero.cluster().k.insert(P, Offset(0));
    [("no K", Model::with_log(5, 50)), ("K = 0", at_zero)]
}

#[tokio::test]
async fn a_rebalance_between_begin_and_the_first_k_stops_nothing() {
    for (what, broker) in beginnings() {
        let mut world = world(broker).await;
        world.broker.fails_with(&[Fault::GroupMoved]);
        let why = world.interrupted_take(&TaskHandle::default()).await;
        assert!(matches!(why, ClaimError::Group(_)), "{what}: {why}");
        world.the_next_take_stands_at_the_log_s_start(what).await;
    }
}

#[tokio::test]
async fn a_take_that_is_cancelled_between_begin_and_the_first_k_stops_nothing() {
    for (what, broker) in beginnings() {
        let mut world = world(broker).await;
        world.broker.fails_with(&[Fault::Abort; REFUSALS]);
        let why = world.interrupted_take(&TaskHandle::cancelled()).await;
        assert!(matches!(why, ClaimError::Cancelled), "{what}: {why}");
        world.the_next_take_stands_at_the_log_s_start(what).await;
    }
}

#[tokio::test]
async fn a_crash_between_begin_and_the_first_k_stops_nothing() {
    for (what, broker) in beginnings() {
        let mut world = world(broker).await;
        world.broker.fails_with(&[Fault::Abort; REFUSALS]);
        // A future that is dropped while it waits is what kill -9 leaves behind.
        let (store, mut broker, handle) = (world.store.clone(), world.broker.clone(), TaskHandle::default());
        tokio::select! {
            biased;
            taken = claim(&*store, &mut broker, &[P], Start::Earliest, &(), &handle) => panic!("{what}: it must not end: {taken:?}"),
            () = world.n_is_set_and_k_was_refused() => {}
        }
        assert_eq!(world.store.positions().await.unwrap()[0].next_offset, Offset(5), "{what}");
        world.the_next_take_stands_at_the_log_s_start(what).await;
    }
}

#[tokio::test]
async fn k_of_zero_beside_a_log_that_starts_later_is_moved_up() {
    let [_, (what, broker)] = beginnings();
    world(broker).await.the_next_take_stands_at_the_log_s_start(what).await;
}
