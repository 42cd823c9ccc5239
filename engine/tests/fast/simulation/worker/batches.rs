//! The way of records through a worker: fetched up to a random offset, judged batch by batch.

use weir::model::ids::Offset;

use super::Worker;

impl Worker {
    /// Judges a batch of what was fetched, which was to be judged next when it was.
    pub(super) fn judge(&mut self) {
        if self.backlog.is_empty() {
            self.fetch();
        }
        let most = 1 + i64::from(self.world.lock().dice.below(3));
        let Some((partition, from, to)) = self.backlog.front_mut() else { return };
        let batch = (Offset(*from), Offset((*to).min(*from + most)));
        let mut world = self.world.lock();
        let Offset(judged) = self.windows.judge(*partition, batch, world.beyond, self.machine.pending_mut());
        world.counts.records_judged += (judged - *from) as u64;
        world.counts.alerts_waited += u64::from(judged < batch.1.0);
        *from = judged;
        if *from == *to {
            self.backlog.pop_front();
        }
    }

    fn fetch(&mut self) {
        let mut world = self.world.lock();
        for (partition, at) in &mut self.reads {
            if world.dice.one_in(2) {
                let end = world.kafka.ends[partition.0 as usize].min(*at + 1 + i64::from(world.dice.below(6)));
                let ours = self.machine.pending().position(*partition).is_some_and(|position| *at >= position.to.0);
                if end > *at && ours {
                    self.backlog.push_back((*partition, *at, end));
                }
                *at = end.max(*at);
            }
        }
    }
}
