//! The rules directory: what it holds, when a file of it is whole, and whether one that is gone was removed or lost.

mod directory;
pub(super) mod held;
pub(super) mod known;
mod listing;
mod read_file;
mod watcher;
