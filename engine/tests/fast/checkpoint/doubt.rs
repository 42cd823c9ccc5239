//! A COMMIT without an answer, and a store that at first cannot say what became of it either.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use weir::checkpoint::{Cancel, advance};
use weir::model::catalog::{Audit, Entry, Repaired, RuleSet, Version, VersionInfo};
use weir::model::ids::{Offset, Partition, Revision, Sha256};
use weir::model::step::{Activation, Fingerprint, StatsLayout, Step, Taken};
use weir::store::{Outcome, Position, StatsRow, Store, StoreError};

use crate::checkpoint::{ten_records, world};
use weir_testkit::fakes::kafka::Model;

/// Loses the answer to every COMMIT, and gives these answers to the questions that follow.
struct Doubtful {
    commits: AtomicUsize,
    outcomes: Mutex<Vec<Result<Outcome, StoreError>>>,
}

const NOT_ASKED: &str = "a step must not ask this of the store";

#[async_trait]
#[rustfmt::skip]
impl Store for Doubtful {
    async fn commit(&self, _: &Step) -> Result<(), StoreError> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        Err(StoreError::Unknown("the connection broke".into()))
    }
    async fn outcome(&self, _: &Step) -> Result<Outcome, StoreError> { self.outcomes.lock().unwrap().remove(0) }

    async fn prepare(&self, _: &Fingerprint, _: &StatsLayout) -> Result<(), StoreError> { panic!("{NOT_ASKED}") }
    async fn take(&self, _: &[Partition]) -> Result<Vec<Taken>, StoreError> { panic!("{NOT_ASKED}") }
    async fn begin(&self, _: Partition, _: u64, _: Offset) -> Result<(), StoreError> { panic!("{NOT_ASKED}") }
    async fn published(&self, _: &[(Partition, u64, Offset)]) -> Result<(), StoreError> { panic!("{NOT_ASKED}") }
    async fn rule_set(&self) -> Result<RuleSet, StoreError> { panic!("{NOT_ASKED}") }
    async fn revision(&self) -> Result<Revision, StoreError> { panic!("{NOT_ASKED}") }
    async fn version(&self, _: Sha256) -> Result<Option<Version>, StoreError> { panic!("{NOT_ASKED}") }
    async fn version_info(&self, _: Sha256) -> Result<Option<VersionInfo>, StoreError> { panic!("{NOT_ASKED}") }
    async fn versions(&self, _: Option<&str>, _: u32) -> Result<Vec<VersionInfo>, StoreError> { panic!("{NOT_ASKED}") }
    async fn advance(&self, _: Revision, _: Option<&Version>, _: &[Entry], _: &Audit) -> Result<Revision, StoreError> { panic!("{NOT_ASKED}") }
    async fn repair_rules(&self, _: i64, _: &str) -> Result<Option<Repaired>, StoreError> { panic!("{NOT_ASKED}") }
    async fn last_entry(&self, _: &str) -> Result<Option<Entry>, StoreError> { panic!("{NOT_ASKED}") }
    async fn entries_at(&self, _: Revision) -> Result<Vec<Entry>, StoreError> { panic!("{NOT_ASKED}") }
    async fn directory_seen(&self, _: &str) -> Result<Option<Sha256>, StoreError> { panic!("{NOT_ASKED}") }
    async fn set_directory_seen(&self, _: &str, _: Option<Sha256>) -> Result<(), StoreError> { panic!("{NOT_ASKED}") }
    async fn windows(&self, _: u32, _: bool) -> Result<Vec<StatsRow>, StoreError> { panic!("{NOT_ASKED}") }
    async fn positions(&self) -> Result<Vec<Position>, StoreError> { panic!("{NOT_ASKED}") }
    async fn activations(&self, _: u32) -> Result<Vec<Activation>, StoreError> { panic!("{NOT_ASKED}") }
    async fn audit(&self, _: u32) -> Result<Vec<Audit>, StoreError> { panic!("{NOT_ASKED}") }
    async fn drop_windows(&self, _: i64, _: u32) -> Result<u64, StoreError> { panic!("{NOT_ASKED}") }
    async fn forget_activations(&self, _: Partition, _: Offset) -> Result<u64, StoreError> { panic!("{NOT_ASKED}") }
    async fn forget_revisions(&self, _: u64) -> Result<u64, StoreError> { panic!("{NOT_ASKED}") }
    async fn ping(&self) -> Result<(), StoreError> { panic!("{NOT_ASKED}") }
}

/// Given up there, the worker would step on from the step's end, and its letters would be jumped over.
#[tokio::test]
async fn a_refusal_to_say_what_became_of_a_commit_is_no_answer() {
    let mut world = world(Model::with_log(0, 50)).await;
    let step = ten_records(&world.take().await.stands.remove(0));
    let refused = || Err(StoreError::Fatal("the user was refused".into()));
    let outcomes = Mutex::new(vec![refused(), refused(), Ok(Outcome::Committed)]);
    let doubtful = Doubtful { commits: AtomicUsize::new(0), outcomes };
    advance(&doubtful, &mut world.broker, &step, &[], &(), &Cancel::default()).await.unwrap();
    assert_eq!(doubtful.commits.into_inner(), 1, "what may be there is not committed again");
    assert_eq!((world.broker.letters(), world.broker.k()), (vec![3], Some(Offset(10))));
}
