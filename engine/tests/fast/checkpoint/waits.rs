//! A task that does not get on says whom it waits for, which decides what an operator is told to do.

use std::sync::Arc;

use async_trait::async_trait;
use weir::checkpoint::{Awaited, Failed, TaskHandle, commit};
use weir::model::checkpoint::{Checkpoint, Claimed};
use weir::model::ids::{Offset, Partition};
use weir::store::{CheckpointStore, Outcome, StoreError};

use crate::checkpoint::{World, ten_records, world};
use weir_testkit::fakes::kafka::{Fault, Model};
use weir_testkit::wait;

/// A database that does not answer.
struct Away;

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("connection refused".into()))
}

#[async_trait]
#[rustfmt::skip]
impl CheckpointStore for Away {
    async fn take(&self, _: &[Partition]) -> Result<Vec<Claimed>, StoreError> { away() }
    async fn begin(&self, _: Partition, _: u64, _: Offset) -> Result<(), StoreError> { away() }
    async fn commit(&self, _: &Checkpoint) -> Result<(), StoreError> { away() }
    async fn outcome(&self, _: &Checkpoint) -> Result<Outcome, StoreError> { away() }
    async fn published(&self, _: &[(Partition, u64, Offset)]) -> Result<(), StoreError> { away() }
}

/// Whom a checkpoint waits for until it is given up.
async fn awaited(world: &mut World, store: Arc<dyn CheckpointStore>, spoil: fn(&Model)) -> Awaited {
    let checkpoint = ten_records(&world.take().await.resume_points.remove(0));
    spoil(&world.broker);
    let (handle, mut broker) = (TaskHandle::default(), world.broker.clone());
    let given_up = handle.clone();
    let task = tokio::spawn(async move { commit(&*store, &mut broker, &checkpoint, &[], &(), &given_up).await });
    wait::until_async("it meets an obstacle", || handle.obstacle().is_some()).await;
    let on = handle.obstacle().expect("nothing takes it away").on;
    handle.cancel();
    assert!(matches!(task.await.expect("it does not panic"), Err(Failed::Cancelled)));
    assert_eq!(handle.obstacle(), None, "nothing is waited for any more");
    on
}

#[tokio::test]
async fn a_checkpoint_that_does_not_get_on_says_whether_database_consumer_or_producer_is_waited_for() {
    let mut world = world(Model::with_log(0, 50)).await;
    assert_eq!(awaited(&mut world, Arc::new(Away), |_| {}).await, Awaited::Store);
    let store = world.store.clone();
    let undecided = |kafka: &Model| kafka.cluster().open = true;
    assert_eq!(awaited(&mut world, store.clone(), undecided).await, Awaited::Consumer);
    let refuses = |kafka: &Model| kafka.fails_with(&[Fault::Abort; 1_000]);
    assert_eq!(awaited(&mut world, store, refuses).await, Awaited::Producer);
}
