//! Messages that leave exactly once: encoded into rows that a checkpoint stores (`format`), then published in the Kafka transaction
//! that also commits the group's offsets (`publish`), to as many topics as there are destinations: dead letters
//! (`dead_letter`) and alerts (`alert`). `tail` shows the newest of either. It knows no rule and no store.

mod alert;
mod check;
mod dead_letter;
mod destination;
pub mod format;
mod outgoing;
mod publish;
mod tail;

pub use check::{SetupError, check_properties, check_topics};
pub use destination::{Destination, Destinations};
pub use publish::{PublishError, Publisher, Unsendable};
pub use tail::{
    Filter, Follower, GroupKey, HeldAlerts, HeldLetters, Keep, LetterGroup, LiveTail, MINUTES, Progress, Round, Shown,
    Tail, Topic, Wanted, tail, tail_alerts, tail_filtered,
};
