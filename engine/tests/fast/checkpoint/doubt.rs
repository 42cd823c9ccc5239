//! A COMMIT without an answer, and a store that at first cannot say what became of it either.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use weir::checkpoint::{TaskHandle, commit};
use weir::model::checkpoint::{Checkpoint, Claimed};
use weir::model::ids::{Offset, Partition};
use weir::store::{CheckpointStore, Outcome, StoreError};

use crate::checkpoint::{ten_records, world};
use weir_testkit::fakes::kafka::Model;

/// Loses the answer to every COMMIT, and gives these answers to the questions that follow.
struct Doubtful {
    commits: AtomicUsize,
    outcomes: Mutex<Vec<Result<Outcome, StoreError>>>,
}

const NOT_ASKED: &str = "a checkpoint must not ask this of the store";

#[async_trait]
#[rustfmt::skip]
impl CheckpointStore for Doubtful {
    async fn commit(&self, _: &Checkpoint) -> Result<(), StoreError> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        Err(StoreError::Unknown("the connection broke".into()))
    }
    async fn outcome(&self, _: &Checkpoint) -> Result<Outcome, StoreError> { self.outcomes.lock().unwrap().remove(0) }

    async fn take(&self, _: &[Partition]) -> Result<Vec<Claimed>, StoreError> { panic!("{NOT_ASKED}") }
    async fn begin(&self, _: Partition, _: u64, _: Offset) -> Result<(), StoreError> { panic!("{NOT_ASKED}") }
    async fn published(&self, _: &[(Partition, u64, Offset)]) -> Result<(), StoreError> { panic!("{NOT_ASKED}") }
}

/// Given up there, the worker would go on from the checkpoint's end, and its letters would be skipped.
#[tokio::test]
async fn a_refusal_to_say_what_became_of_a_commit_is_no_answer() {
    let mut world = world(Model::with_log(0, 50)).await;
    let checkpoint = ten_records(&world.take().await.resume_points.remove(0));
    let refused = || Err(StoreError::Fatal("the user was refused".into()));
    let outcomes = Mutex::new(vec![refused(), refused(), Ok(Outcome::Committed)]);
    let doubtful = Doubtful { commits: AtomicUsize::new(0), outcomes };
    commit(&doubtful, &mut world.broker, &checkpoint, &[], &(), &TaskHandle::default()).await.unwrap();
    assert_eq!(doubtful.commits.into_inner(), 1, "what may be there is not committed again");
    assert_eq!((world.broker.letters(), world.broker.k()), (vec![3], Some(Offset(10))));
}
