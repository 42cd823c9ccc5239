//! What the yardsticks share: the records of the peers' generator, the truth about them, and Kafka's clients as the peers
//! set them. Knows nothing of the engine, whose serde_json is built with slower features than a yardstick may have.

pub mod kafka;
pub mod records;
pub mod truth;
