//! What servers do in their own time, faults or not: markers are written, time-outs strike, late requests arrive, the group
//! forgets the dead, and processes come back.

use super::rules::Catalog;
use super::schedule::Schedule;

impl Schedule {
    pub(crate) fn time_goes_on(&mut self) {
        match self.below(18) {
            0..7 => self.write_markers(),
            16 => self.somebody_acts(),
            17 => self.start_foreign(),
            7..9 => self.end_session(),
            9 => self.land_request(),
            10 => self.time_out_transaction(),
            11..13 => self.forget_the_dead(),
            _ => self.move_the_idle(),
        }
    }

    fn is_dead(&self, process: usize) -> bool {
        !self.places.iter().any(|place| place.worker.as_ref().is_some_and(|worker| worker.process == process))
    }

    /// With the rules directory, or with the catalog's rows.
    fn somebody_acts(&self) {
        let mut world = self.world.lock();
        let workers = self.places.iter().filter_map(|place| place.worker.as_ref());
        let scanned = workers.filter_map(|worker| worker.rules.scanned()).min();
        Catalog::somebody_acts(&mut world, scanned.unwrap_or(u64::MAX));
    }

    fn write_markers(&self) {
        let mut world = self.world.lock();
        if let Some(transaction) = world.pick_live() {
            world.kafka.write_markers(transaction);
            world.changed = true;
        }
    }

    /// A session that is undecided is decided; one whose client is gone is rolled back.
    fn end_session(&self) {
        let mut world = self.world.lock();
        let world = &mut *world;
        let mut sessions = world.database.sessions.iter();
        let session =
            sessions.find(|session| session.undecided.is_some() || session.orphaned || self.is_dead(session.process));
        let Some(session) = session else { return };
        let (id, undecided, commit) = (session.id, session.undecided.is_some(), world.dice.one_in(2));
        let applied = world.database.resolve(id, commit, world.plant);
        world.counts.commits_undecided_then_applied += u64::from(applied);
        world.counts.commits_undecided_then_rolled_back += u64::from(undecided && !applied);
        world.say(|| format!("the store ends session {id}: {}", if applied { "applied" } else { "not applied" }));
        world.changed = true;
    }

    /// A request whose sender has given up arrives, or is lost.
    fn land_request(&self) {
        let mut world = self.world.lock();
        let world = &mut *world;
        if world.kafka.flights.is_empty() {
            return;
        }
        let pick = world.dice.below(world.kafka.flights.len() as u32) as usize;
        let lost = world.dice.one_in(3);
        world.say(|| format!("a request to Kafka {}", if lost { "is lost" } else { "arrives late" }));
        if lost {
            world.kafka.flights.swap_remove(pick);
        } else {
            world.kafka.land(pick, &mut world.counts);
        }
        world.changed = true;
    }

    /// The coordinator ends a transaction that was open for too long: sooner or later every one of the dead.
    fn time_out_transaction(&self) {
        let mut world = self.world.lock();
        let world = &mut *world;
        let Some(transaction) = world.pick_live() else { return };
        if self.is_dead(world.kafka.producer_of(transaction)) || world.dice.one_in(6) {
            world.say(|| format!("the broker times transaction {transaction} out"));
            world.kafka.time_out(transaction, &mut world.counts);
        }
    }

    fn forget_the_dead(&self) {
        let mut world = self.world.lock();
        let world = &mut *world;
        match world.kafka.group.ghost() {
            Some(ghost) => {
                world.say(|| format!("the session of dead worker {ghost} expires"));
                world.kafka.group.expire(ghost, &mut world.counts);
            }
            None => world.kafka.group.throw_out(true, &mut world.counts),
        }
    }

    /// What is dead starts again; what is frozen loses its place in the group, or its sessions, or wakes.
    fn move_the_idle(&mut self) {
        let (pick, roll) = (self.below(self.places.len() as u32) as usize, self.below(10));
        let place = &self.places[pick];
        match (&place.worker, roll) {
            (None, _) if place.foreign => {}
            (None, _) => self.start(pick),
            (Some(_), _) if !place.paused => {}
            (Some(_), 0..4) => self.expire(pick),
            (Some(_), 4..6) => self.kill_sessions(pick),
            (Some(_), _) => self.resume(pick),
        }
    }
}
