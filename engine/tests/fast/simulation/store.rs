//! The store as one process sees it: every method a transaction in as many calls as the real one makes, each call a
//! scheduling point, with the faults that a server, a network and a frozen client bring.

use async_trait::async_trait;
use weir::model::checkpoint::{Checkpoint, Claimed};
use weir::model::ids::{Offset, Partition};
use weir::model::store::{CheckpointStore, Outcome, StoreError};

use super::database::{Database, Effect, WINDOWS};
use super::world::{Plant, Shared, World, point};

/// See the module.
pub(crate) struct SimStore {
    pub(crate) world: Shared,
    pub(crate) process: usize,
}

/// Ends a session that its client forgot: it crashed, or a time-out dropped the call.
struct Connection<'w> {
    world: &'w Shared,
    session: u32,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        let mut world = self.world.lock();
        // A closed socket frees the locks at once; one that only went silent keeps them until somebody resolves it.
        if world.fault(3) {
            if let Some(session) = world.database.session(self.session) {
                session.orphaned = true;
            }
        } else if world.database.session(self.session).is_some_and(|session| session.undecided.is_none()) {
            world.database.close(self.session);
        }
    }
}

fn away(what: &str) -> StoreError {
    StoreError::Unavailable(what.to_owned())
}

impl SimStore {
    /// One transaction that locks these rows in order, reads under the locks, and commits.
    async fn transaction<T>(
        &self,
        locks: impl Iterator<Item = usize>,
        statements: impl FnOnce(&Database, Plant) -> Result<(T, Effect), StoreError>,
    ) -> Result<T, StoreError> {
        point().await;
        let session = {
            let mut world = self.world.lock();
            if world.fault(40) {
                world.counts.store_away += 1;
                return Err(away("connection refused"));
            }
            world.database.open(self.process)
        };
        let connection = Connection { world: &self.world, session };
        for lock in locks {
            self.lock(session, lock).await?;
        }
        let (answer, effect) = {
            let mut world = self.world.lock();
            if world.fault(80) {
                world.counts.deadlocks += 1;
                return Err(away("deadlock (1213)"));
            }
            let plant = world.plant;
            statements(&world.database, plant)?
        };
        point().await;
        let committed = self.world.lock().commit(session, effect);
        drop(connection);
        committed?;
        point().await;
        Ok(answer)
    }

    async fn lock(&self, session: u32, lock: usize) -> Result<(), StoreError> {
        let mut tries = 0;
        loop {
            {
                let mut world = self.world.lock();
                if world.database.session(session).is_none() {
                    return Err(away("the server closed the connection"));
                }
                if world.database.lock(session, lock) {
                    return Ok(());
                }
                tries += 1;
                if tries > 3 && world.dice.one_in(4) {
                    world.counts.lock_time_outs += 1;
                    return Err(away("lock wait timeout (1205)"));
                }
            }
            point().await;
        }
    }
}

impl World {
    fn commit(&mut self, session: u32, effect: Effect) -> Result<(), StoreError> {
        self.changed = true;
        let plant = self.plant;
        if self.database.session(session).is_none() {
            self.counts.commits_unanswered_not_applied += 1;
            return Err(StoreError::Unknown("the server closed the connection".into()));
        }
        if !self.fault(12) {
            self.database.apply(effect, plant);
            self.database.close(session);
            return Ok(());
        }
        let (fate, text) = match self.dice.below(4) {
            0 => {
                self.counts.commits_unanswered_applied += 1;
                self.database.apply(effect, plant);
                self.database.close(session);
                ("applied", "reset by peer")
            }
            1 => {
                self.counts.commits_unanswered_not_applied += 1;
                self.database.close(session);
                ("not applied", "reset by peer")
            }
            _ => {
                self.database.session(session).expect("looked up above").undecided = Some(effect);
                ("undecided", "timed out")
            }
        };
        self.say(|| format!("  COMMIT of session {session} is not answered: {fate}"));
        Err(StoreError::Unknown(text.into()))
    }
}

/// Only a checkpoint's COMMIT is worth asking after: everything else may simply be done again.
fn again<T>(result: Result<T, StoreError>) -> Result<T, StoreError> {
    result.map_err(|error| match error {
        StoreError::Unknown(what) => StoreError::Unavailable(what),
        other => other,
    })
}

fn index(partition: Partition) -> usize {
    partition.0 as usize
}

impl SimStore {
    async fn try_commit(&self, checkpoint: &Checkpoint, blindly: bool) -> Result<(), StoreError> {
        let windows = (!checkpoint.windows.is_empty()).then_some(WINDOWS);
        let locks = checkpoint.partitions.iter().map(|part| index(part.partition)).chain(windows);
        let process = self.process;
        let committed = self
            .transaction(locks, |database, plant| {
                let plant = if blindly { Plant::NoCompareAndSet } else { plant };
                database.may_commit(checkpoint, plant)?;
                Ok(((), Effect::Checkpoint(checkpoint.clone())))
            })
            .await;
        let mut world = self.world.lock();
        world.say(|| format!("  worker {process}: store.commit {} -> {committed:?}", positions(checkpoint)));
        world.counts.fenced_by_the_store += u64::from(matches!(committed, Err(StoreError::Fenced(_))));
        committed
    }
}

fn positions(checkpoint: &Checkpoint) -> String {
    let parts = checkpoint.partitions.iter();
    let parts = parts.map(|p| format!("P{} {} to {} under epoch {}", p.partition, p.from, p.to, p.epoch));
    parts.collect::<Vec<_>>().join(", ")
}

#[async_trait]
impl CheckpointStore for SimStore {
    async fn take(&self, partitions: &[Partition]) -> Result<Vec<Claimed>, StoreError> {
        let mut rows: Vec<usize> = partitions.iter().copied().map(index).collect();
        rows.sort_unstable();
        let taken = self
            .transaction(rows.iter().copied(), |database, _| {
                let taken = rows.iter().map(|row| database.taken(*row)).collect::<Vec<_>>();
                Ok((taken, Effect::Take(rows.clone())))
            })
            .await;
        let mut world = self.world.lock();
        world.say(|| {
            let brief = taken.as_ref().map(|taken| {
                let brief =
                    |t: &Claimed| format!("P{} epoch {} N {:?}", t.partition, t.epoch, t.next_offset.map(|n| n.0));
                taken.iter().map(brief).collect::<Vec<_>>().join(", ")
            });
            format!("  worker {}: store.take -> {brief:?}", self.process)
        });
        again(taken)
    }

    async fn begin(&self, partition: Partition, epoch: u64, at: Offset) -> Result<(), StoreError> {
        let row = index(partition);
        let begun = self
            .transaction([row].into_iter(), |database, _| {
                database.may_begin(row, epoch, at)?;
                Ok(((), Effect::Begin(row, at)))
            })
            .await;
        self.world.lock().say(|| format!("  worker {}: store.begin P{row} at {at} -> {begun:?}", self.process));
        again(begun)
    }

    async fn commit(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let mut blindly = false;
        loop {
            let committed = self.try_commit(checkpoint, blindly).await;
            let plant = self.world.lock().plant;
            match (&committed, plant) {
                (Err(StoreError::Unknown(_)), Plant::CommitAgainBlindly) => blindly = true,
                (Err(StoreError::Unknown(_)), Plant::CommitAgainCompared) => {}
                _ => return committed,
            }
        }
    }

    async fn outcome(&self, checkpoint: &Checkpoint) -> Result<Outcome, StoreError> {
        let locks = checkpoint.partitions.iter().map(|part| index(part.partition));
        let outcome = self
            .transaction(locks, |database, _| {
                let ours = checkpoint.partitions.iter().any(|part| {
                    let row = &database.rows[index(part.partition)];
                    row.epoch == part.epoch && row.next == Some(part.to)
                });
                Ok((if ours { Outcome::Committed } else { Outcome::NotCommitted }, Effect::Nothing))
            })
            .await;
        self.world.lock().say(|| format!("  worker {}: store.outcome -> {outcome:?}", self.process));
        again(outcome)
    }

    async fn published(&self, upto: &[(Partition, u64, Offset)]) -> Result<(), StoreError> {
        let mut upto = upto.to_vec();
        upto.sort_unstable();
        let rows: Vec<usize> = upto.iter().map(|(partition, ..)| index(*partition)).collect();
        let said = upto.clone();
        let done = self.transaction(rows.into_iter(), |_, _| Ok(((), Effect::Published(upto)))).await;
        self.world.lock().say(|| format!("  worker {}: store.published {said:?} -> {done:?}", self.process));
        again(done)
    }
}
