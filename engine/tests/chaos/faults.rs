//! The faults and how often each is drawn.

use rand::{Rng, RngExt};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    InstanceKilled,
    InstanceFrozen,
    InstanceAdded,
    InstanceRemoved,
    DatabaseKilled,
    DatabasePaused,
    ConnectionsCut,
    LocksHeld,
    Deadlock,
    DiskFull,
    BrokerKilled,
    BrokerPaused,
    RedisStopped,
    RedisKilled,
    RedisPaused,
    RulesChanged,
    RuleTraps,
    SlowShadow,
    RulesAway,
    SetBack,
    Readers,
}

/// With the weight of each.
const ALL: [(Fault, u32); 21] = [
    (Fault::InstanceKilled, 26),
    (Fault::InstanceFrozen, 10),
    (Fault::InstanceAdded, 6),
    (Fault::InstanceRemoved, 6),
    (Fault::DatabaseKilled, 5),
    (Fault::DatabasePaused, 3),
    (Fault::ConnectionsCut, 8),
    (Fault::LocksHeld, 5),
    (Fault::Deadlock, 8),
    (Fault::DiskFull, 4),
    (Fault::BrokerKilled, 3),
    (Fault::BrokerPaused, 3),
    (Fault::RedisStopped, 2),
    (Fault::RedisKilled, 2),
    (Fault::RedisPaused, 2),
    (Fault::RulesChanged, 16),
    (Fault::RuleTraps, 5),
    (Fault::SlowShadow, 3),
    (Fault::RulesAway, 4),
    (Fault::SetBack, 4),
    (Fault::Readers, 4),
];

pub(crate) const KILLS: [&str; 4] = ["instance killed", "database killed", "broker killed", "redis killed"];

impl Fault {
    pub(crate) fn draw(rng: &mut impl Rng) -> Self {
        let mut at = rng.random_range(0..ALL.iter().map(|(_, weight)| weight).sum());
        for (fault, weight) in ALL {
            if at < weight {
                return fault;
            }
            at -= weight;
        }
        unreachable!("the weights add up")
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Fault::InstanceKilled => "instance killed",
            Fault::InstanceFrozen => "instance frozen",
            Fault::InstanceAdded => "instance added",
            Fault::InstanceRemoved => "instance removed",
            Fault::DatabaseKilled => "database killed",
            Fault::DatabasePaused => "database paused",
            Fault::ConnectionsCut => "connections cut",
            Fault::LocksHeld => "locks held",
            Fault::Deadlock => "deadlock",
            Fault::DiskFull => "disk full",
            Fault::BrokerKilled => "broker killed",
            Fault::BrokerPaused => "broker paused",
            Fault::RedisStopped => "redis stopped",
            Fault::RedisKilled => "redis killed",
            Fault::RedisPaused => "redis paused",
            Fault::RulesChanged => "rules changed",
            Fault::RuleTraps => "rule traps",
            Fault::SlowShadow => "shadow rule slow",
            Fault::RulesAway => "rules directory away",
            Fault::SetBack => "rule set set back",
            Fault::Readers => "readers of windows",
        }
    }
}
