//! What strikes a worker: it crashes, freezes, panics, is told to stop, or is dropped by the group or by the store.

use std::time::Duration;

use super::schedule::{Place, Schedule, go_on_if_woken};
use super::worker::Worker;

/// How long a frozen worker's clock has gone on when it wakes: longer than a session.
const FROZEN: Duration = Duration::from_secs(20);

impl Schedule {
    pub(crate) fn strike(&mut self) {
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
            94..97 => {
                let mut world = self.world.lock();
                let world = &mut *world;
                world.say(|| "the rebalance times out".into());
                world.kafka.group.throw_out(false, &mut world.counts);
            }
            _ => self.panic(pick),
        }
    }

    pub(crate) fn process(&self, pick: usize) -> usize {
        self.places[pick].worker.as_ref().expect("picked among those that run").process
    }

    pub(crate) fn start(&mut self, pick: usize) {
        let worker = Worker::start(&self.world);
        let mut world = self.world.lock();
        world.counts.restarts += 1;
        world.say(|| format!("worker {} starts", worker.process));
        self.places[pick] = Place { worker: Some(worker), paused: false, foreign: false };
    }

    /// Once every partition has letters that count as published; before that, nothing but the cluster's id tells.
    pub(crate) fn start_foreign(&mut self) {
        let begun = {
            let mut world = self.world.lock();
            world.fault(3) && world.database.rows[..world.kafka.partitions].iter().all(|row| row.published.is_some())
        };
        if begun && !self.places.iter().any(|place| place.foreign) {
            let worker = Some(Worker::foreign(&self.world));
            self.places.push(Place { worker, paused: false, foreign: true });
        }
    }

    pub(crate) fn crash(&mut self, pick: usize) {
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

    /// The task of a checkpoint panics; its worker ends by itself.
    pub(crate) fn panic(&mut self, pick: usize) {
        let process = self.process(pick);
        if self.places[pick].worker.as_mut().is_some_and(Worker::panic) {
            let mut world = self.world.lock();
            world.say(|| format!("a checkpoint of worker {process} panics"));
            world.counts.checkpoints_panicked += 1;
        }
    }

    pub(crate) fn stop(&mut self, pick: usize) {
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

    pub(crate) fn pause(&mut self, pick: usize) {
        let process = self.process(pick);
        self.places[pick].paused = true;
        let mut world = self.world.lock();
        world.say(|| format!("worker {process} freezes"));
        world.counts.pauses += 1;
    }

    pub(crate) fn resume(&mut self, pick: usize) {
        let process = self.process(pick);
        self.places[pick].paused = false;
        if let Some(worker) = &mut self.places[pick].worker {
            worker.slept(FROZEN);
            go_on_if_woken(worker);
        }
        let mut world = self.world.lock();
        let zombie = !world.kafka.group.is_member(process);
        world.say(|| format!("worker {process} wakes{}", if zombie { ", a zombie" } else { "" }));
        world.counts.zombies += u64::from(zombie);
    }

    pub(crate) fn expire(&mut self, pick: usize) {
        let process = self.process(pick);
        let mut world = self.world.lock();
        let world = &mut *world;
        world.say(|| format!("the group drops worker {process}"));
        world.kafka.group.expire(process, &mut world.counts);
    }

    /// `wait_timeout`, or an operator's KILL: what the worker had open is rolled back.
    pub(crate) fn kill_sessions(&mut self, pick: usize) {
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
}
