//! MariaDB, the broker and Redis: taken away and brought back, each by itself.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::campaign_log::CampaignLog;
use weir_testkit::pipeline::TestPipeline;
use weir_testkit::stack::root;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// kill -9, then started again.
    Killed,
    /// SIGSTOP, then SIGCONT.
    Paused,
    /// SIGTERM, then started again.
    Stopped,
}

enum State {
    Up,
    Away {
        how: How,
        until: Instant,
    },
    /// `stack/service` runs: it ends when the service answers.
    Returning(Child),
}

pub(crate) struct Service {
    pub(crate) name: &'static str,
    state: State,
}

impl Service {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, state: State::Up }
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, State::Up)
    }

    pub(crate) fn take_away(&mut self, pipeline: &TestPipeline, how: How, time: Duration) {
        let pid = pipeline.stack.pid(self.name).to_string();
        let signal = match how {
            How::Killed => "KILL",
            How::Paused => "STOP",
            How::Stopped => "TERM",
        };
        let status = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill runs");
        assert!(status.success(), "{} runs as {pid}", self.name);
        self.state = State::Away { how, until: Instant::now() + time };
    }

    /// Moves it on; `at_once`: whatever time it had left.
    pub(crate) fn tick(&mut self, pipeline: &TestPipeline, at_once: bool, campaign_log: &mut CampaignLog) {
        match &mut self.state {
            State::Away { how, until } if at_once || Instant::now() >= *until => {
                let action = if *how == How::Paused { "resume" } else { "start" };
                let mut command = Command::new(root().join("stack/service"));
                command.args([action, self.name]).arg(pipeline.stack.folder()).stdout(Stdio::null());
                self.state = State::Returning(command.spawn().expect("stack/service runs"));
            }
            State::Returning(child) => {
                let Some(status) = child.try_wait().expect("it is ours") else { return };
                assert!(status.success(), "{} did not come back: {status}", self.name);
                campaign_log.note(format!("{} is back", self.name));
                self.state = State::Up;
            }
            _ => {}
        }
    }
}
