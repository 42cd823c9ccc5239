//! What a fetch tells of the logs beside their records: that one was read to its end, or does not hold the next offset.

use super::Worker;
use crate::source::Fetched;

impl Worker {
    /// To be called when every record of the fetch was judged: an end says that nothing before it is left.
    pub(super) fn serve_log(&mut self, fetched: &Fetched) {
        for (partition, end) in fetched.ends() {
            self.pending.passed(partition, end);
            if let Some(at) = self.pending.position(partition) {
                self.parts.status.judged_to(self.parts.index, partition, at.to);
            }
        }
        if fetched.outside().any(|partition| self.pending.position(partition).is_some()) {
            // Records were deleted, or the topic was made anew. Taking compares store, group and log, and stops the partition
            // with the figures; the others go on.
            self.start_taking();
        }
    }
}
