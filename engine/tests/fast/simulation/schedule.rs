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
pub(crate) struct Place {
    pub(crate) worker: Option<Worker>,
    pub(crate) paused: bool,
    /// Of an engine of another cluster; it does not start again.
    pub(crate) foreign: bool,
}

pub(crate) struct Schedule {
    pub(crate) world: Shared,
    pub(crate) places: Vec<Place>,
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
            self.places.push(Place { worker: Some(Worker::start(&self.world)), paused: false, foreign: false });
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
            if self.is_complete() {
                let world = self.world.lock();
                return self.checker.check_end(&world).and_then(|()| world.rules.check_end());
            }
        }
        Err(format!("it has not recovered after {PATIENCE} events without faults"))
    }

    fn is_complete(&self) -> bool {
        let world = self.world.lock();
        let settled = |place: &Place| place.worker.as_ref().is_some_and(|worker| worker.rules.is_settled(&world));
        self.checker.is_complete(&world) && self.places.iter().all(settled)
    }

    pub(crate) fn below(&self, n: u32) -> u32 {
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

    /// From here on nothing goes wrong any more.
    fn recover(&mut self) {
        {
            let mut world = self.world.lock();
            world.faults = false;
            world.say(|| "from here on nothing goes wrong".into());
        }
        self.places.retain(|place| !place.foreign);
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
pub(crate) fn go_on_if_woken(worker: &mut Worker) {
    for task in worker.tasks().filter(|task| task.is_woken()) {
        task.go_on();
    }
}
