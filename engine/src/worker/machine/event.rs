//! What goes into the machine and what comes out of it.

use std::time::{Duration, Instant};

use crate::checkpoint::{ClaimError, ClaimResult, Failed};
use crate::model::checkpoint::Checkpoint;
use crate::model::ids::{Offset, Partition};

/// Bounds of one worker, from the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// `checkpoint.interval`: longest time from one checkpoint's start to the next.
    pub interval: Duration,
    /// `checkpoint.max_records`: a checkpoint is due when so many records were judged since the last one.
    pub max_records: usize,
    /// `checkpoint.max_groups`: or when the window deltas hold so many groups.
    pub max_groups: usize,
    /// `checkpoint.max_letter_bytes`: or when its dead letters and alerts have so many bytes.
    pub max_letter_bytes: u64,
    /// `checkpoint.drain`: longest time that letting the partitions go waits for checkpoints.
    pub drain: Duration,
    /// `source.rejoin_after`: a worker that is outside of its group for so long gets a new consumer, if Kafka answers others.
    pub rejoin_after: Duration,
}

/// Names one claim or one checkpoint, so that the end of an older one is not taken for the end of the one that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(pub(super) u64);

/// Outbox rows that may be deleted: up to this offset, exclusive, as long as the partition's epoch is still this one.
pub type PublishedRows = (Partition, u64, Offset);

/// A task that ended by a panic, with the words that say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked(pub String);

/// What happens to a worker.
#[derive(Debug)]
pub enum Event<M> {
    /// The group gave it these partitions, and no others are its own.
    Assigned {
        /// All of them; none, if there are more members than partitions.
        partitions: Vec<Partition>,
        /// Proof of membership in this generation; Kafka takes offsets with it only.
        metadata: M,
    },
    /// The group asks all partitions back.
    Revoked {
        /// They are somebody else's already, so there is nothing to finish.
        lost: bool,
    },
    /// A record came where no record is judged, so reading on would skip it.
    Stray,
    /// The log of this partition does not hold the next offset: records were deleted, or the topic was made anew.
    OutsideLog(Partition),
    /// A claim is over.
    ClaimEnded {
        /// Which.
        claim: Token,
        /// What it came to.
        result: Result<Result<ClaimResult, ClaimError>, Panicked>,
    },
    /// A checkpoint is over.
    CheckpointEnded {
        /// Which.
        checkpoint: Token,
        /// What it came to.
        result: Result<Result<(), Failed>, Panicked>,
    },
    /// [`Action::ClearOutbox`] was done, failed, or was given up in time.
    OutboxCleared,
    /// Whether Kafka answered the new client of [`Action::Probe`], and else why not.
    Probed(Result<(), String>),
    /// Nothing happened but time.
    Tick {
        /// Groups that the window deltas hold since they were last drained.
        groups: usize,
    },
    /// The worker has to end, after a last checkpoint.
    Stop {
        /// Since when; the last checkpoint may take [`Settings::drain`] from then on.
        asked: Instant,
    },
}

/// What has to be done, in the order in which it was said, before the next event.
#[derive(Debug)]
pub enum Action<M> {
    /// Tell that these partitions are ours, and that nothing of them is judged until [`Action::Resume`].
    Claiming(Vec<Partition>),
    /// Start `checkpoint::claim`; its end is [`Event::ClaimEnded`].
    Claim {
        /// Names it.
        claim: Token,
        /// All that the group gave.
        partitions: Vec<Partition>,
        /// Proof of membership, of the assignment.
        metadata: M,
    },
    /// Cancel the claim that is under way. Its end need not be told.
    AbandonClaim,
    /// Tell that the claim failed, and why. It is done again after the next assignment, or [`REBALANCE_OVERDUE`](super::REBALANCE_OVERDUE) later.
    NotClaimed(ClaimError),
    /// Read these partitions from these offsets and no others, after all that was assigned before has stopped; the stopped
    /// ones wait for an operator.
    Resume(ClaimResult),
    /// Start `checkpoint::commit`; its end is [`Event::CheckpointEnded`].
    Checkpoint {
        /// Names it.
        checkpoint: Token,
        /// Without window deltas and watermarks: they are drained into it before anything else is judged.
        content: Checkpoint,
        /// Rows whose letters an earlier checkpoint published.
        cleared: Vec<PublishedRows>,
        /// Proof of membership, of the assignment.
        metadata: M,
        /// Nothing that fails is tried again, for the group waits.
        once: bool,
    },
    /// Cancel the checkpoint in flight: it finishes the try that it is at. Its end is still told.
    CancelCheckpoint,
    /// The same for one that did not get through within [`Settings::drain`], of which an operator should hear.
    AbandonCheckpoint,
    /// Tell that this checkpoint of partitions that are still ours is through.
    Committed(Vec<PublishedRows>),
    /// Delete these rows until then; [`Event::OutboxCleared`] is its end, whatever it came to.
    ClearOutbox {
        /// Rows whose letters are in Kafka.
        rows: Vec<PublishedRows>,
        /// Whoever claims the partitions next clears what is left.
        until: Instant,
    },
    /// Forget all window deltas.
    ClearWindows,
    /// Forget all records that were fetched and not judged.
    DropBacklog,
    /// Forget all partitions: they are not ours any more. Then this comes.
    LetGo(Then),
    /// Ask Kafka by a new client, beside the loop; the answer is [`Event::Probed`].
    Probe,
    /// Tell that Kafka did not answer it, and why.
    Away(String),
    /// End with this error. [`Event::Stop`] is the next event.
    Fail(String),
}

/// What follows when the partitions are let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Answer the group's revoke.
    Unassign,
    /// Leave the group: the worker ends.
    Leave,
    /// Put a new consumer and a new producer in the place of the old ones and join with them.
    Rejoin,
}

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No partition is ours.
    Idle,
    /// A checkpoint from before is not over. It shares the producer with the claim, so it has to end before the claim starts.
    Settling,
    /// `checkpoint::claim` is under way.
    Claiming(Token),
    /// Records are judged.
    Running,
    /// The group no longer takes our metadata: the next assignment is on its way.
    Overdue {
        /// Since then.
        since: Instant,
    },
}
