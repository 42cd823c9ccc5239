//! The brokers' side: committed offsets, transactions with their markers, producer epochs, the log of letters and alerts, and requests
//! that are still on their way after their sender has given up.

use weir::model::ids::{Offset, Partition};

use super::counts::Counts;
use super::group::{Group, Membership};
use super::records::OFFSETS;
use super::world::{Dice, PARTITIONS};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    /// Decided; its markers are not written yet, so nobody sees it.
    Committing,
    Aborting,
    Committed,
    Aborted,
}

pub(crate) struct Transaction {
    producer: usize,
    pub(crate) stage: Stage,
    offsets: Vec<(usize, i64)>,
    proof: Membership,
}

/// A transactional id: one a process.
#[derive(Clone, Copy, Default)]
struct Producer {
    epoch: u32,
    current: Option<usize>,
}

/// Why a request of a producer was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Fenced,
    /// The transaction before is still finishing.
    Busy,
    Generation,
}

/// A request whose sender no longer waits for it.
pub(crate) enum Flight {
    End { process: usize, epoch: u32 },
    CommitInitial { proof: Membership, at: Vec<(Partition, Offset)> },
}

/// A message that a worker sends, by the source record that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Letter(i64),
    Alert(i64),
    /// From, to, how many: flagged records without an alert.
    NotSent(i64, i64, u64),
}

struct Entry {
    transaction: usize,
    partition: usize,
    message: Message,
}

/// See the module.
pub(crate) struct Kafka {
    pub(crate) group: Group,
    pub(crate) partitions: usize,
    pub(crate) starts: [i64; PARTITIONS],
    pub(crate) ends: [i64; PARTITIONS],
    /// K, decided: what a stable read answers once the markers are written.
    pub(crate) k: [Option<i64>; PARTITIONS],
    producers: Vec<Producer>,
    pub(crate) transactions: Vec<Transaction>,
    /// Those that are not over.
    pub(crate) live: Vec<usize>,
    log: Vec<Entry>,
    /// Entries of `log` that a read_committed consumer has passed.
    passed: usize,
    /// Messages that it has seen, by partition of the source, since it was last asked.
    pub(crate) seen: Vec<(usize, Message)>,
    pub(crate) flights: Vec<Flight>,
}

impl Kafka {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let partitions = 1 + dice.below(PARTITIONS as u32) as usize;
        let (mut starts, mut ends) = ([0; PARTITIONS], [0; PARTITIONS]);
        for partition in 0..partitions {
            starts[partition] = [0, 0, 5][dice.below(3) as usize];
            ends[partition] = starts[partition] + i64::from(2 + dice.below(OFFSETS as u32 - 8));
        }
        Self {
            group: Group::new(partitions),
            partitions,
            starts,
            ends,
            k: [None; PARTITIONS],
            producers: Vec::new(),
            transactions: Vec::new(),
            live: Vec::new(),
            log: Vec::new(),
            passed: 0,
            seen: Vec::new(),
            flights: Vec::new(),
        }
    }

    /// InitProducerId: fences every older producer of the id and ends its transaction. Busy until that is over.
    pub(crate) fn init(&mut self, process: usize) -> Result<u32, Refused> {
        self.producers.resize_with(self.producers.len().max(process + 1), Producer::default);
        let producer = &mut self.producers[process];
        if let Some(current) = producer.current {
            let stage = &mut self.transactions[current].stage;
            if *stage == Stage::Open {
                *stage = Stage::Aborting;
                producer.epoch += 1;
            }
            return Err(Refused::Busy);
        }
        producer.epoch += 1;
        Ok(producer.epoch)
    }

    /// The transaction that a producer is in; the first request opens it.
    fn enter(&mut self, process: usize, epoch: u32) -> Result<usize, Refused> {
        let producer = &mut self.producers[process];
        if producer.epoch != epoch {
            return Err(Refused::Fenced);
        }
        match producer.current {
            Some(current) if self.transactions[current].stage == Stage::Open => Ok(current),
            Some(_) => Err(Refused::Busy),
            None => {
                let new = self.transactions.len();
                let proof = Membership::default();
                let transaction = Transaction { producer: process, stage: Stage::Open, offsets: Vec::new(), proof };
                self.transactions.push(transaction);
                self.live.push(new);
                producer.current = Some(new);
                Ok(new)
            }
        }
    }

    pub(crate) fn produce(&mut self, process: usize, epoch: u32, sent: &[(usize, Message)]) -> Result<(), Refused> {
        let transaction = self.enter(process, epoch)?;
        self.log.extend(sent.iter().map(|&(partition, message)| Entry { transaction, partition, message }));
        Ok(())
    }

    pub(crate) fn send_offsets(
        &mut self,
        process: usize,
        epoch: u32,
        proof: Membership,
        offsets: &[(Partition, Offset)],
    ) -> Result<(), Refused> {
        let transaction = self.enter(process, epoch)?;
        if !self.group.accepts(proof) {
            return Err(Refused::Generation);
        }
        let transaction = &mut self.transactions[transaction];
        transaction.offsets.extend(offsets.iter().map(|(partition, offset)| (partition.0 as usize, offset.0)));
        transaction.proof = proof;
        Ok(())
    }

    /// EndTxn. From here on the transaction is decided.
    pub(crate) fn end(&mut self, process: usize, epoch: u32, commit: bool, counts: &mut Counts) -> Result<(), Refused> {
        let producer = self.producers[process];
        if producer.epoch != epoch {
            return Err(Refused::Fenced);
        }
        let Some(current) = producer.current else { return Ok(()) };
        let transaction = &mut self.transactions[current];
        if transaction.stage != Stage::Open {
            return Ok(());
        }
        if !commit {
            transaction.stage = Stage::Aborting;
            return Ok(());
        }
        transaction.stage = Stage::Committing;
        counts.zombie_transactions_committed +=
            u64::from(!transaction.offsets.is_empty() && !self.group.accepts(transaction.proof));
        for (partition, offset) in &transaction.offsets {
            self.k[*partition] = Some(*offset);
        }
        Ok(())
    }

    pub(crate) fn producer_of(&self, transaction: usize) -> usize {
        self.transactions[transaction].producer
    }

    /// The coordinator ends a transaction that was open for too long, and fences its producer.
    pub(crate) fn time_out(&mut self, transaction: usize, counts: &mut Counts) {
        let transaction = &mut self.transactions[transaction];
        if transaction.stage == Stage::Open {
            counts.transactions_timed_out += 1;
            transaction.stage = Stage::Aborting;
            self.producers[transaction.producer].epoch += 1;
        }
    }

    /// Writes the markers of a decided transaction.
    pub(crate) fn write_markers(&mut self, index: usize) {
        let transaction = &mut self.transactions[index];
        transaction.stage = match transaction.stage {
            Stage::Committing => Stage::Committed,
            Stage::Aborting => Stage::Aborted,
            _ => return,
        };
        self.live.retain(|live| *live != index);
        let producer = &mut self.producers[transaction.producer];
        if producer.current == Some(index) {
            producer.current = None;
        }
        while let Some(entry) = self.log.get(self.passed) {
            match self.transactions[entry.transaction].stage {
                Stage::Committed => self.seen.push((entry.partition, entry.message)),
                Stage::Aborted => {}
                // Nothing after the first undecided record is seen.
                _ => break,
            }
            self.passed += 1;
        }
    }

    /// Whether a transaction that is not over has sent offsets for one of these.
    pub(crate) fn is_undecided(&self, partitions: &[Partition]) -> bool {
        self.live.iter().any(|live| {
            let sent = &self.transactions[*live].offsets;
            sent.iter().any(|(partition, _)| partitions.iter().any(|asked| asked.0 as usize == *partition))
        })
    }

    /// A plain commit of offsets, under the member and generation that its consumer knew when it sent it.
    pub(crate) fn commit_initial(&mut self, proof: Membership, at: &[(Partition, Offset)]) -> Result<(), Refused> {
        if !self.group.accepts(proof) {
            return Err(Refused::Generation);
        }
        for (partition, offset) in at {
            self.k[partition.0 as usize] = Some(offset.0);
        }
        Ok(())
    }

    /// A request that was on its way arrives.
    pub(crate) fn land(&mut self, flight: usize, counts: &mut Counts) {
        match self.flights.swap_remove(flight) {
            Flight::End { process, epoch } => {
                let before = self.producers[process].current.map(|current| self.transactions[current].stage);
                let landed = self.end(process, epoch, true, counts).is_ok() && before == Some(Stage::Open);
                counts.transactions_committed_after_the_client_gave_up += u64::from(landed);
            }
            Flight::CommitInitial { proof, at } => drop(self.commit_initial(proof, &at)),
        }
    }
}
