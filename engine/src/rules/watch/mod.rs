//! The rules directory: new and changed files are published, removed ones retire what the directory brought. It knows what a
//! directory holds, when a file is whole and whether one that is gone was removed or lost, and uses what the catalog offers
//! everybody in `rules`; how a module is validated is not its matter.
//!
//! [`scan`](mod@scan) is what is done in which order (simulated), [`directory`] does it, [`listing`] is the directory as it is found,
//! [`read_file`] one file of it, [`seen`] what the last scans saw, [`events`] wakes the scan, [`problems`] are the files that were
//! refused.

mod directory;
mod events;
mod listing;
mod problems;
mod read_file;
mod scan;
mod seen;

pub use directory::RulesDirectory;
pub use problems::FileProblem;
pub use scan::{Directory, FilesTaken, scan};
pub use seen::{Seen, SeenFile};
