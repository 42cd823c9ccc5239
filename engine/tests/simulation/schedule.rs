//! One schedule: which worker goes on next, which fault strikes when, all from the seed. At first with faults, then without
//! until everything has recovered; the checker looks after every event.

use std::time::Duration;

use super::check::Checker;
use super::counts::Counts;
use super::task::Task;
use super::worker::Worker;
use super::world::{Plant, Shared};

/// Longer than any pause of the protocol, so that whoever waits for time goes on after it.
const LONG: Duration = Duration::from_secs(10);
/// Events without faults after which a schedule that has not recovered never will.
const PATIENCE: u32 = 20_000;

/// What a schedule came to.
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    /// The invariant that was broken.
    pub(crate) violation: Option<String>,
    /// If it was recorded.
    pub(crate) events: Vec<String>,
}

/// One place for a worker; its process may die and another start.
struct Place {
    worker: Option<Worker>,
    paused: bool,
}

struct Schedule {
    world: Shared,
    places: Vec<Place>,
    checker: Checker,
}

/// Runs it. On a runtime whose time stands still.
pub(crate) async fn run(seed: u64, plant: Plant, record: bool) -> Outcome {
    let world = Shared::new(seed, plant, record);
    let mut schedule = Schedule { places: Vec::new(), checker: Checker::default(), world };
    let violation = schedule.all().await.err();
    drop(schedule.places);
    let mut world = schedule.world.lock();
    world.counts.rebalances = world.kafka.group.rebalances;
    Outcome { counts: world.counts, violation, events: world.take_events() }
}

impl Schedule {
    async fn all(&mut self) -> Result<(), String> {
        let (workers, with_faults, strikes) = {
            let dice = &mut self.world.lock().dice;
            (2 + dice.below(3), 150 + dice.below(350), 3 + dice.below(22))
        };
        for _ in 0..workers {
            self.places.push(Place { worker: Some(Worker::start(&self.world)), paused: false });
        }
        self.world.lock().kafka.group.begin();
        for _ in 0..with_faults {
            match self.below(1_000) {
                roll if roll < strikes => self.strike(),
                25..225 => self.time_goes_on(),
                225..265 => self.wake_sleepers().await,
                _ => self.let_one_go_on(),
            }
            self.check()?;
        }
        self.recover();
        for _ in 0..PATIENCE {
            match self.below(100) {
                0..20 => self.time_goes_on(),
                20..24 => self.wake_sleepers().await,
                _ => self.let_one_go_on(),
            }
            self.check()?;
            if self.checker.is_complete(&self.world.lock()) {
                return self.checker.check_end(&self.world.lock());
            }
        }
        Err(format!("it has not recovered after {PATIENCE} events without faults"))
    }

    fn below(&self, n: u32) -> u32 {
        self.world.lock().dice.below(n)
    }

    fn check(&mut self) -> Result<(), String> {
        let mut world = self.world.lock();
        if let Some(violation) = world.violation.take() {
            return Err(violation);
        }
        if std::mem::take(&mut world.changed) {
            self.checker.check(&mut world)?;
        }
        Ok(())
    }

    /// Whoever pauses between two tries goes on.
    async fn wake_sleepers(&mut self) {
        let mut workers = self.places.iter_mut().filter_map(|place| place.worker.as_mut());
        if workers.any(|worker| worker.tasks().any(|task| task.is_waiting())) {
            tokio::time::advance(LONG).await;
            for place in self.places.iter_mut().filter(|place| !place.paused) {
                place.worker.iter_mut().for_each(go_on_if_woken);
            }
        }
    }

    /// One worker's loop, or one of its tasks, up to the next scheduling point.
    fn let_one_go_on(&mut self) {
        let pick = self.below(self.places.len() as u32) as usize;
        let place = &mut self.places[pick];
        let Some(worker) = place.worker.as_mut().filter(|_| !place.paused) else { return };
        let ready = worker.tasks().filter(|task| task.is_ready()).count() as u32;
        let choice = {
            let mut world = self.world.lock();
            world.counts.scheduling_points += 1;
            world.dice.below(1 + 3 * ready)
        };
        if choice == 0 {
            worker.turn();
            go_on_if_woken(worker);
            if worker.stopped {
                place.worker = None;
            }
        } else if let Some(task) = worker.tasks().filter(|task| task.is_ready()).nth((choice as usize - 1) / 3) {
            Task::go_on(task);
        }
    }

    // ---- what happens in its own time

    fn time_goes_on(&mut self) {
        match self.below(16) {
            0..7 => self.write_markers(),
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
            (None, _) => self.start(pick),
            (Some(_), _) if !place.paused => {}
            (Some(_), 0..4) => self.expire(pick),
            (Some(_), 4..6) => self.kill_sessions(pick),
            (Some(_), _) => self.resume(pick),
        }
    }

    // ---- faults

    fn strike(&mut self) {
        let (roll, pick) = (self.below(100), self.below(self.places.len() as u32) as usize);
        if self.places[pick].worker.is_none() || self.places[pick].paused {
            return;
        }
        match roll {
            0..35 => self.pause(pick),
            35..65 => self.crash(pick),
            65..72 => self.stop(pick),
            72..80 => self.expire(pick),
            80..88 => self.kill_sessions(pick),
            88..94 => {
                let mut world = self.world.lock();
                world.say(|| "the group rebalances".into());
                world.kafka.group.rebalance();
            }
            _ => {
                let mut world = self.world.lock();
                let world = &mut *world;
                world.say(|| "the rebalance times out".into());
                world.kafka.group.throw_out(false, &mut world.counts);
            }
        }
    }

    fn process(&self, pick: usize) -> usize {
        self.places[pick].worker.as_ref().expect("picked among those that run").process
    }

    fn start(&mut self, pick: usize) {
        let worker = Worker::start(&self.world);
        let mut world = self.world.lock();
        world.counts.restarts += 1;
        world.say(|| format!("worker {} starts", worker.process));
        self.places[pick] = Place { worker: Some(worker), paused: false };
    }

    fn crash(&mut self, pick: usize) {
        let Some(mut worker) = self.places[pick].worker.take() else { return };
        let process = worker.process;
        let inside = worker.tasks().any(|task| !task.is_done());
        {
            let mut world = self.world.lock();
            world.say(|| format!("worker {process} crashes"));
            world.counts.crashes += 1;
            world.counts.crashes_inside_a_call += u64::from(inside);
            world.kafka.group.stop(process, false);
        }
        drop(worker);
    }

    fn stop(&mut self, pick: usize) {
        let process = self.process(pick);
        {
            let mut world = self.world.lock();
            world.say(|| format!("worker {process} is told to stop"));
            world.counts.clean_stops += 1;
        }
        if let Some(worker) = &mut self.places[pick].worker {
            worker.stop();
        }
    }

    fn pause(&mut self, pick: usize) {
        let process = self.process(pick);
        self.places[pick].paused = true;
        let mut world = self.world.lock();
        world.say(|| format!("worker {process} freezes"));
        world.counts.pauses += 1;
    }

    fn resume(&mut self, pick: usize) {
        let process = self.process(pick);
        self.places[pick].paused = false;
        self.places[pick].worker.iter_mut().for_each(go_on_if_woken);
        let mut world = self.world.lock();
        let zombie = !world.kafka.group.is_member(process);
        world.say(|| format!("worker {process} wakes{}", if zombie { ", a zombie" } else { "" }));
        world.counts.zombies += u64::from(zombie);
    }

    fn expire(&mut self, pick: usize) {
        let process = self.process(pick);
        let mut world = self.world.lock();
        let world = &mut *world;
        world.say(|| format!("the group drops worker {process}"));
        world.kafka.group.expire(process, &mut world.counts);
    }

    /// `wait_timeout`, or an operator's KILL: what the worker had open is rolled back.
    fn kill_sessions(&mut self, pick: usize) {
        let process = self.process(pick);
        let mut world = self.world.lock();
        let world = &mut *world;
        let sessions = world.database.sessions.iter();
        let open = sessions.filter(|session| session.process == process && session.undecided.is_none());
        for session in open.map(|session| session.id).collect::<Vec<_>>() {
            world.say(|| format!("the store closes session {session} of worker {process}"));
            world.counts.sessions_killed += 1;
            world.database.close(session);
        }
    }

    /// From here on nothing goes wrong any more.
    fn recover(&mut self) {
        {
            let mut world = self.world.lock();
            world.faults = false;
            world.say(|| "from here on nothing goes wrong".into());
        }
        for pick in 0..self.places.len() {
            if self.places[pick].worker.is_none() {
                self.start(pick);
            } else if self.places[pick].paused {
                self.resume(pick);
            }
        }
    }
}

/// A pause that is over and cancelled at once would end by tokio's own dice: whoever is woken goes on before the next
/// event, so that a seed stays one schedule.
fn go_on_if_woken(worker: &mut Worker) {
    for task in worker.tasks().filter(|task| task.is_woken()) {
        task.go_on();
    }
}
