//! The instances of one pipeline, as a supervisor keeps them: who dies is started again, some come and go.

use std::time::{Duration, Instant};

use crate::campaign_log::CampaignLog;
use weir_testkit::pipeline::TestPipeline;
use weir_testkit::pipeline::engine::Engine;

/// After SIGTERM it has to be gone by then, whatever is away meanwhile.
const TO_END: Duration = weir_testkit::wait::STILL;

enum State {
    Running,
    Frozen { until: Instant },
    Ending { since: Instant },
}

pub(crate) struct Instance {
    name: String,
    pub(crate) admin: u16,
    engine: Engine,
    log: std::path::PathBuf,
    state: State,
}

impl Instance {
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state, State::Running)
    }

    /// Whether its start came to an end: until then it may end by itself, saying what is away.
    fn had_started(&self) -> bool {
        std::fs::read_to_string(&self.log).unwrap_or_default().contains("running admin=")
    }
}

#[derive(Default)]
pub(crate) struct Fleet {
    pub(crate) instances: Vec<Instance>,
    /// When one is to be started.
    due: Vec<Instant>,
    started: u32,
    /// Starts that ended by themselves because something was away.
    pub(crate) refused: u32,
    /// Ends after SIGTERM with another exit code than 0, of those whose start was done.
    pub(crate) bad_ends: u32,
}

impl Fleet {
    /// Instances that run or will in a moment.
    pub(crate) fn size(&self) -> usize {
        let there = |instance: &&Instance| !matches!(instance.state, State::Ending { .. });
        self.instances.iter().filter(there).count() + self.due.len()
    }

    pub(crate) fn start_in(&mut self, time: Duration) {
        self.due.push(Instant::now() + time);
    }

    /// Of those that run, or whose start is done, the one that a number picks.
    pub(crate) fn pick(&self, number: usize, started: bool) -> Option<usize> {
        let fits = |instance: &Instance| instance.is_running() && (!started || instance.had_started());
        let running: Vec<usize> = (0..self.instances.len()).filter(|&at| fits(&self.instances[at])).collect();
        (!running.is_empty()).then(|| running[number % running.len()])
    }

    /// SIGKILL; its name.
    pub(crate) fn kill(&mut self, at: usize) -> String {
        let instance = self.instances.remove(at);
        instance.engine.kill();
        instance.name
    }

    pub(crate) fn freeze(&mut self, at: usize, time: Duration) -> String {
        let instance = &mut self.instances[at];
        instance.engine.signal("STOP");
        instance.state = State::Frozen { until: Instant::now() + time };
        instance.name.clone()
    }

    pub(crate) fn end(&mut self, at: usize) -> String {
        let instance = &mut self.instances[at];
        instance.engine.signal("TERM");
        instance.state = State::Ending { since: Instant::now() };
        instance.name.clone()
    }

    /// Starts, thaws and buries those whose time has come; `at_once`: whatever time they had left.
    pub(crate) fn tick(&mut self, pipeline: &TestPipeline, at_once: bool, campaign_log: &mut CampaignLog) {
        let now = Instant::now();
        let due = self.due.iter().filter(|due| at_once || **due <= now).count();
        self.due.retain(|due| !at_once && *due > now);
        for _ in 0..due {
            self.started += 1;
            let name = format!("engine-{:03}", self.started);
            let log = campaign_log.folder.join(format!("{name}.log"));
            let (engine, admin) = pipeline.start_beside(&log);
            campaign_log.note(format!("{name} started"));
            self.instances.push(Instance { name, admin, engine, log, state: State::Running });
        }
        for instance in &mut self.instances {
            if let State::Frozen { until } = instance.state
                && (at_once || until <= now)
            {
                instance.engine.signal("CONT");
                instance.state = State::Running;
                campaign_log.note(format!("{} goes on", instance.name));
            }
        }
        for at in (0..self.instances.len()).rev() {
            self.bury(at, campaign_log);
        }
    }

    fn bury(&mut self, at: usize, campaign_log: &mut CampaignLog) {
        let instance = &mut self.instances[at];
        let Some(status) = instance.engine.ended() else {
            if let State::Ending { since } = instance.state
                && since.elapsed() > TO_END
            {
                campaign_log.finding(format!("{} did not end within {TO_END:?} of SIGTERM", instance.name));
                self.kill(at);
            }
            return;
        };
        let instance = self.instances.remove(at);
        let name = &instance.name;
        match instance.state {
            State::Ending { since } => {
                campaign_log
                    .note(format!("{name} ended {:.1} s after SIGTERM: {status}", since.elapsed().as_secs_f64()));
                self.bad_ends += u32::from(instance.had_started() && !status.success());
            }
            _ if instance.had_started() => {
                campaign_log.finding(format!("{name} ended by itself: {status}\n{}", instance.engine.said()));
                self.start_in(Duration::from_millis(500));
            }
            _ => {
                let said = instance.engine.said();
                campaign_log
                    .note(format!("{name} did not start: {status}: {}", said.lines().last().unwrap_or_default()));
                self.refused += 1;
                self.start_in(Duration::from_millis(500));
            }
        }
    }

    /// All of them, cleanly.
    pub(crate) fn stop(self) {
        for instance in self.instances {
            instance.engine.stop();
        }
    }
}
