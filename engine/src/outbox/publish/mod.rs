//! Publishing: one Kafka transaction for the messages of all destinations and the group's offsets.

mod error;
mod flight;
mod producer;
mod publisher;
mod request_pacing;
mod transaction;

pub use error::{PublishError, Unsendable};
pub(super) use producer::producer_settings;
pub use publisher::Publisher;
