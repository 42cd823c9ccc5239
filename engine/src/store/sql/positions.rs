//! Positions, outbox and activations. Every change is a compare-and-set on the epoch (column `owner`), in ascending order of
//! partition, so that two workers never lock the same rows the other way round.

use std::collections::BTreeMap;

use super::{Bind, Result, Transaction};
use crate::fault;
use crate::model::checkpoint::{Activation, Checkpoint, Claimed, OutboxChunk, PartitionProgress};
use crate::model::ids::{Offset, Partition, Revision};
use crate::model::store::{Outcome, Position, StoreError};

/// The rows of one pipeline: its name and topic, which are in the key of every table of positions.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// `pipeline.name`.
    pub pipeline: String,
    /// The source topic.
    pub topic: String,
}

impl Scope {
    fn of(&self, partition: Partition) -> [Bind<'_>; 3] {
        [Bind::Text(&self.pipeline), Bind::Text(&self.topic), Bind::Int(partition.0.into())]
    }
}

const WHERE: &str = "WHERE pipeline = ? AND topic = ? AND `partition` = ?";

/// The condition that selects these partitions of a pipeline and topic, and its binds.
fn these<'a>(scope: &'a Scope, of: &[Partition]) -> (String, Vec<Bind<'a>>) {
    let marks = vec!["?"; of.len()].join(", ");
    let mut binds = vec![Bind::Text(&scope.pipeline), Bind::Text(&scope.topic)];
    binds.extend(of.iter().map(|partition| Bind::Int(partition.0.into())));
    (format!("WHERE pipeline = ? AND topic = ? AND `partition` IN ({marks})"), binds)
}

/// A start waits for it, so however many partitions there are, it asks four times.
pub(super) async fn take(tx: &mut Transaction, scope: &Scope, of: &[Partition]) -> Result<Vec<Claimed>> {
    let d = tx.dialect();
    let mut partitions = of.to_vec();
    partitions.sort_unstable();
    partitions.dedup();
    let row = format!("(?, ?, ?, 1, 0, {})", d.now_ms);
    let raise = format!(
        "INSERT INTO weir_partition (pipeline, topic, `partition`, owner, `checkpoint`, updated_at) VALUES {} \
         {} owner = weir_partition.owner + 1, updated_at = {}",
        vec![row.as_str(); partitions.len()].join(", "),
        d.upsert("pipeline, topic, `partition`"),
        d.now_ms
    );
    let binds: Vec<_> = partitions.iter().flat_map(|partition| scope.of(*partition)).collect();
    tx.execute(&raise, &binds).await?;
    fault::at("store.take.raised")?;
    let mut revisions = revisions(tx, scope, &partitions).await?;
    let mut outboxes = outboxes(tx, scope, &partitions).await?;
    let (these, binds) = these(scope, &partitions);
    let sql = format!(
        "SELECT `partition`, owner, next_offset, published, watermark FROM weir_partition {these} ORDER BY `partition`"
    );
    let mut taken = Vec::with_capacity(partitions.len());
    for mut row in tx.rows(&sql, &binds).await? {
        let partition = Partition(row.int()? as i32);
        taken.push(Claimed {
            partition,
            epoch: row.int()? as u64,
            next_offset: row.maybe_int()?.map(Offset),
            published: row.maybe_int()?.map(Offset),
            watermark: row.maybe_int()?,
            revision: revisions.remove(&partition),
            outbox: outboxes.remove(&partition).unwrap_or_default(),
        });
    }
    fault::at("store.take.written")?;
    // Defense: each was written a moment ago, in this transaction.
    let missing = partitions.iter().find(|partition| !taken.iter().any(|taken| taken.partition == **partition));
    missing.map_or(Ok(taken), |partition| Err(StoreError::Fenced(*partition)))
}

/// The newest activation of each.
async fn revisions(tx: &mut Transaction, scope: &Scope, of: &[Partition]) -> Result<BTreeMap<Partition, Revision>> {
    let (these, mut binds) = these(scope, of);
    let sql = format!(
        "SELECT a.`partition`, a.revision FROM weir_activation a JOIN (SELECT `partition`, MAX(first_offset) AS newest \
         FROM weir_activation {these} GROUP BY `partition`) n ON a.`partition` = n.`partition` \
         AND a.first_offset = n.newest WHERE a.pipeline = ? AND a.topic = ?"
    );
    binds.extend([Bind::Text(&scope.pipeline), Bind::Text(&scope.topic)]);
    let rows = tx.rows(&sql, &binds).await?.into_iter();
    rows.map(|mut row| Ok((Partition(row.int()? as i32), Revision(row.int()? as u64)))).collect()
}

async fn outboxes(
    tx: &mut Transaction,
    scope: &Scope,
    of: &[Partition],
) -> Result<BTreeMap<Partition, Vec<OutboxChunk>>> {
    let (these, binds) = these(scope, of);
    let sql = format!(
        "SELECT `partition`, first_offset, chunk, letters FROM weir_outbox {these} \
         ORDER BY `partition`, first_offset, chunk"
    );
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for mut row in tx.rows(&sql, &binds).await? {
        let partition = Partition(row.int()? as i32);
        all.entry(partition).or_default().push(OutboxChunk {
            partition,
            first_offset: Offset(row.int()?),
            chunk: row.int()? as u32,
            letters: row.blob()?,
        });
    }
    Ok(all)
}

/// Setting the same N again is no second beginning: the answer to the first may have been lost. `published` stays unset:
/// K does not exist yet, and a crash before it does would look like a group that lost its offsets.
pub(super) async fn begin(
    tx: &mut Transaction,
    scope: &Scope,
    partition: Partition,
    epoch: u64,
    at: Offset,
) -> Result<()> {
    let sql = format!(
        "UPDATE weir_partition SET next_offset = ? {WHERE} AND owner = ? \
         AND (next_offset IS NULL OR (next_offset = ? AND `checkpoint` = 0))"
    );
    let [p, t, n] = scope.of(partition);
    let at = Bind::Int(at.0);
    match tx.execute(&sql, &[at, p, t, n, Bind::Int(epoch as i64), at]).await? {
        1 => Ok(fault::at("store.begin.written")?),
        _ => Err(StoreError::Fenced(partition)),
    }
}

pub(super) async fn advance(tx: &mut Transaction, scope: &Scope, partitions: &[PartitionProgress]) -> Result<()> {
    let d = tx.dialect();
    let sql = format!(
        "UPDATE weir_partition SET next_offset = ?, watermark = COALESCE(?, watermark), `checkpoint` = `checkpoint` + 1, \
         updated_at = {} {WHERE} AND owner = ? AND next_offset = ?",
        d.now_ms
    );
    let mut partitions: Vec<_> = partitions.iter().collect();
    partitions.sort_unstable_by_key(|part| part.partition);
    for part in partitions {
        let [p, t, n] = scope.of(part.partition);
        let (epoch, from) = (Bind::Int(part.epoch as i64), Bind::Int(part.from.0));
        let binds = [Bind::Int(part.to.0), Bind::int(part.watermark), p, t, n, epoch, from];
        if tx.execute(&sql, &binds).await? != 1 {
            return Err(StoreError::Fenced(part.partition));
        }
        fault::at("store.commit.position")?;
    }
    Ok(())
}

pub(super) async fn add_letters(tx: &mut Transaction, scope: &Scope, chunks: &[OutboxChunk]) -> Result<()> {
    let sql = "INSERT INTO weir_outbox (pipeline, topic, `partition`, first_offset, chunk, letters) \
               VALUES (?, ?, ?, ?, ?, ?)";
    for chunk in chunks {
        let [p, t, n] = scope.of(chunk.partition);
        let (first, number) = (Bind::Int(chunk.first_offset.0), Bind::Int(chunk.chunk.into()));
        tx.execute(sql, &[p, t, n, first, number, Bind::Blob(&chunk.letters)]).await?;
        fault::at("store.commit.letters")?;
    }
    Ok(())
}

pub(super) async fn activate(tx: &mut Transaction, scope: &Scope, activations: &[Activation]) -> Result<()> {
    let d = tx.dialect();
    let sql = format!(
        "INSERT INTO weir_activation (pipeline, topic, `partition`, first_offset, revision) VALUES (?, ?, ?, ?, ?) \
         {} revision = ?",
        d.upsert("pipeline, topic, `partition`, first_offset")
    );
    for activation in activations {
        let [p, t, n] = scope.of(activation.partition);
        let revision = Bind::Int(activation.revision.0 as i64);
        tx.execute(&sql, &[p, t, n, Bind::Int(activation.first_offset.0), revision, revision]).await?;
        fault::at("store.commit.activation")?;
    }
    Ok(())
}

/// Our epoch with our N can only have come from our commit. Under another epoch the answer does not matter: trying
/// again is fenced.
pub(super) async fn outcome(tx: &mut Transaction, scope: &Scope, checkpoint: &Checkpoint) -> Result<Outcome> {
    let d = tx.dialect();
    let sql = format!("SELECT owner, next_offset FROM weir_partition {WHERE}{}", d.for_update);
    let mut outcome = Outcome::NotCommitted;
    for part in &checkpoint.partitions {
        if let Some(row) = tx.rows(&sql, &scope.of(part.partition)).await?.first_mut()
            && row.int()? as u64 == part.epoch
            && row.maybe_int()? == Some(part.to.0)
        {
            outcome = Outcome::Committed;
        }
    }
    Ok(outcome)
}

pub(super) async fn published(tx: &mut Transaction, scope: &Scope, upto: &[(Partition, u64, Offset)]) -> Result<()> {
    let guard = format!(
        "UPDATE weir_partition SET published = ? {WHERE} AND owner = ? AND (published IS NULL OR published <= ?)"
    );
    let delete = format!("DELETE FROM weir_outbox {WHERE} AND first_offset < ?");
    let mut upto = upto.to_vec();
    upto.sort_unstable();
    for (partition, epoch, offset) in upto {
        let [p, t, n] = scope.of(partition);
        let to = Bind::Int(offset.0);
        if tx.execute(&guard, &[to, p, t, n, Bind::Int(epoch as i64), to]).await? == 1 {
            fault::at("store.published.marked")?;
            tx.execute(&delete, &[p, t, n, to]).await?;
        }
    }
    Ok(fault::at("store.published.written")?)
}

/// Partitions that were taken and never begun have no N yet and are left out.
pub(super) async fn positions(tx: &mut Transaction, scope: &Scope) -> Result<Vec<Position>> {
    let sql = "SELECT `partition`, next_offset, watermark, owner, `checkpoint` FROM weir_partition \
               WHERE pipeline = ? AND topic = ? AND next_offset IS NOT NULL ORDER BY `partition`";
    let rows = tx.rows(sql, &[Bind::Text(&scope.pipeline), Bind::Text(&scope.topic)]).await?;
    let position = |mut row: super::Row| {
        Ok(Position {
            partition: Partition(row.int()? as i32),
            next_offset: Offset(row.int()?),
            watermark: row.maybe_int()?,
            epoch: row.int()? as u64,
            checkpoint: row.int()? as u64,
        })
    };
    rows.into_iter().map(position).collect()
}

pub(super) async fn activations(tx: &mut Transaction, scope: &Scope, limit: u32) -> Result<Vec<Activation>> {
    let sql = "SELECT `partition`, first_offset, revision FROM weir_activation WHERE pipeline = ? AND topic = ? \
               ORDER BY revision DESC, first_offset DESC LIMIT ?";
    let binds = [Bind::Text(&scope.pipeline), Bind::Text(&scope.topic), Bind::Int(limit.into())];
    let mut newest = Vec::new();
    for mut row in tx.rows(sql, &binds).await? {
        newest.push(Activation {
            partition: Partition(row.int()? as i32),
            first_offset: Offset(row.int()?),
            revision: Revision(row.int()? as u64),
        });
    }
    newest.sort_unstable_by_key(|a: &Activation| (a.partition, a.first_offset));
    Ok(newest)
}
