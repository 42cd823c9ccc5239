//! The group coordinator's side: members, generations and eager rebalances as the classic protocol does them.

use std::collections::VecDeque;

use weir::model::ids::Partition;

use super::counts::Counts;
use super::world::Dice;

/// Proof of membership, as a consumer took it at an assignment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) member: u32,
    pub(crate) generation: u32,
}

/// What a consumer says to its worker.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Assign { partitions: Vec<Partition>, metadata: Membership },
    Revoke { lost: bool },
}

struct Member {
    id: u32,
    process: usize,
    /// In the rebalance that is under way.
    joined: bool,
}

/// The client's side of one process.
#[derive(Default)]
struct Consumer {
    closed: bool,
    /// The newest that the client's own thread knows: a plain commit carries it.
    knows: Membership,
    /// Its worker was told to let go and has not answered yet.
    revoking: bool,
    assigned: bool,
    inbox: VecDeque<Event>,
}

/// See the module.
pub(crate) struct Group {
    generation: u32,
    rebalancing: bool,
    /// The first rebalance waits until all workers of the start are there.
    starting: bool,
    members: Vec<Member>,
    last_member: u32,
    consumers: Vec<Consumer>,
    partitions: usize,
    pub(crate) rebalances: u64,
}

impl Group {
    pub(crate) fn new(partitions: usize) -> Self {
        Self {
            generation: 0,
            rebalancing: false,
            starting: true,
            members: Vec::new(),
            last_member: 0,
            consumers: Vec::new(),
            partitions,
            rebalances: 0,
        }
    }

    /// A process starts: its number, and it asks to join.
    pub(crate) fn start(&mut self) -> usize {
        self.consumers.push(Consumer::default());
        let process = self.consumers.len() - 1;
        self.join(process);
        process
    }

    /// A process that asks another cluster's group.
    pub(crate) fn outsider(&mut self) -> usize {
        self.consumers.push(Consumer::default());
        self.consumers.len() - 1
    }

    /// The process is dead, or has left in order.
    pub(crate) fn stop(&mut self, process: usize, leave: bool) {
        self.consumers[process].closed = true;
        if leave {
            self.remove(process);
        }
    }

    /// The client of `process` is polled: what its worker has to know.
    pub(crate) fn poll(&mut self, process: usize, dice: &mut Dice) -> Option<Event> {
        let (known, joined) = match self.members.iter().find(|member| member.process == process) {
            Some(member) => (true, member.joined),
            None => (false, false),
        };
        let consumer = &mut self.consumers[process];
        if let Some(event) = consumer.inbox.pop_front() {
            consumer.assigned = true;
            return Some(event);
        }
        let leave = !known || (self.rebalancing && !joined);
        if !leave || consumer.revoking {
            return None;
        }
        if consumer.assigned {
            consumer.revoking = true;
            // A member that was thrown out does not always learn it before it learns of the rebalance
            // (docs/protocol.md#the-consumer-group).
            return Some(Event::Revoke { lost: !known && !dice.one_in(3) });
        }
        self.join(process);
        None
    }

    /// The worker has let everything go: the client joins again.
    pub(crate) fn unassign(&mut self, process: usize) {
        let consumer = &mut self.consumers[process];
        consumer.revoking = false;
        consumer.assigned = false;
        self.join(process);
    }

    fn join(&mut self, process: usize) {
        match self.members.iter_mut().find(|member| member.process == process) {
            Some(member) => member.joined = true,
            None => {
                self.last_member += 1;
                self.rebalance();
                self.members.push(Member { id: self.last_member, process, joined: true });
            }
        }
        self.complete_if_joined();
    }

    /// Everybody has to join again.
    pub(crate) fn rebalance(&mut self) {
        if !self.rebalancing {
            self.rebalancing = true;
            self.members.iter_mut().for_each(|member| member.joined = false);
        }
    }

    /// All workers of the start are there.
    pub(crate) fn begin(&mut self) {
        self.starting = false;
        self.complete_if_joined();
    }

    fn complete_if_joined(&mut self) {
        if self.starting
            || !self.rebalancing
            || self.members.is_empty()
            || self.members.iter().any(|member| !member.joined)
        {
            return;
        }
        self.rebalancing = false;
        self.generation += 1;
        self.rebalances += 1;
        let (members, mut next) = (self.members.len(), 0);
        for (index, member) in self.members.iter().enumerate() {
            // The range assignor's split: the first members get one more.
            let count = self.partitions / members + usize::from(index < self.partitions % members);
            let partitions = (next..next + count).map(|partition| Partition(partition as i32)).collect();
            next += count;
            let metadata = Membership { member: member.id, generation: self.generation };
            let consumer = &mut self.consumers[member.process];
            consumer.knows = metadata;
            consumer.inbox.push_back(Event::Assign { partitions, metadata });
        }
    }

    /// The session of this process is over, as far as the coordinator knows.
    pub(crate) fn expire(&mut self, process: usize, counts: &mut Counts) {
        if self.is_member(process) {
            counts.members_expired += 1;
            self.remove(process);
        }
    }

    fn remove(&mut self, process: usize) {
        self.members.retain(|member| member.process != process);
        self.rebalance();
        self.complete_if_joined();
        self.rebalancing &= !self.members.is_empty();
    }

    /// The rebalance does not wait any longer for those that have not joined.
    pub(crate) fn throw_out(&mut self, dead_only: bool, counts: &mut Counts) {
        if !self.rebalancing {
            return;
        }
        let (consumers, before) = (&self.consumers, self.members.len());
        self.members.retain(|member| member.joined || (dead_only && !consumers[member.process].closed));
        counts.members_thrown_out_of_a_rebalance += (before - self.members.len()) as u64;
        self.complete_if_joined();
        self.rebalancing &= !self.members.is_empty();
    }

    pub(crate) fn is_member(&self, process: usize) -> bool {
        self.members.iter().any(|member| member.process == process)
    }

    /// A member whose process is dead.
    pub(crate) fn ghost(&self) -> Option<usize> {
        self.members.iter().map(|member| member.process).find(|process| self.consumers[*process].closed)
    }

    /// Whether the coordinator takes offsets under this proof.
    pub(crate) fn accepts(&self, proof: Membership) -> bool {
        proof.generation == self.generation && self.members.iter().any(|member| member.id == proof.member)
    }

    pub(crate) fn knows(&self, process: usize) -> Membership {
        self.consumers[process].knows
    }
}
