//! What a fetch tells of the logs beside their records: that one was read to its end, or does not hold the next offset.

use super::Worker;
use crate::source::Fetched;
use crate::worker::machine::Event;

impl Worker {
    /// Handles the ends of partitions that a fetch met. To be called when every record of it was judged: an end says that
    /// nothing before it is left.
    pub(super) fn serve_log(&mut self, fetched: &Fetched) -> anyhow::Result<()> {
        for (partition, end) in fetched.ends() {
            self.machine.pending_mut().passed(partition, end);
            if let Some(at) = self.machine.pending().position(partition) {
                self.parts.status.partitions.judged_to(self.parts.index, partition, at.to);
            }
        }
        // Those that are claimed again come with all others, so the first of them is enough.
        for partition in fetched.outside() {
            self.feed(Event::OutsideLog(partition))?;
        }
        Ok(())
    }
}
