//! Files of the rules directory that were refused, for `GET /rules`, the log and the metric.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A file of the directory that was refused.
#[derive(Clone, Debug)]
pub struct FileProblem {
    /// Name of the file in the directory.
    pub file: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Why each file was refused, by its name.
#[derive(Default)]
pub(super) struct Problems(Mutex<BTreeMap<String, String>>);

impl Problems {
    /// All of them, by file name.
    pub(super) fn all(&self) -> Vec<FileProblem> {
        let problems = self.lock();
        problems.iter().map(|(file, message)| FileProblem { file: file.clone(), message: message.clone() }).collect()
    }

    /// What is wrong with a file; None: nothing any more.
    pub(super) fn set(&self, file: &str, message: Option<String>) {
        let mut problems = self.lock();
        match message {
            // What is tried again and again is told once.
            Some(message) if problems.get(file) == Some(&message) => {}
            Some(message) => {
                tracing::warn!(file, message, "a file of the rules directory was refused");
                problems.insert(file.to_owned(), message);
            }
            None => drop(problems.remove(file)),
        }
        count(&problems);
    }

    /// Forgets all but these: a file that was never taken and is not there any more has no problem.
    pub(super) fn keep(&self, stays: impl Fn(&str) -> bool) {
        let mut problems = self.lock();
        problems.retain(|file, _| stays(file));
        count(&problems);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(problems: &BTreeMap<String, String>) {
    metrics::gauge!("weir_rules_file_errors").set(problems.len() as f64);
}
