//! The words that every stage shares: what a record, a finding, a letter, a rule version and a checkpoint
//! are. It knows no stage, no file, no network; stages know it and not one another.

pub mod aggregate;
pub mod alert;
pub mod catalog;
pub mod checkpoint;
pub mod finding;
pub mod foreign;
pub mod ids;
pub mod instance;
pub mod letter;
pub mod number;
pub mod record;
pub mod seen_alert;
pub mod shown;
pub mod store;
pub mod text;
pub mod time;
