//! The newest alerts for the admin API, read from their topic while somebody looks.

use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::admin::ports::AlertTail;
use crate::admin::views::AlertsHeld;
use crate::clock::now_ms;
use crate::config::Config;
use crate::outbox::{HeldAlerts, LiveTail, Topic};

/// Who looks first, or after a while in which nobody did, waits so long for the topic at most.
const WAIT: Duration = Duration::from_secs(2);
/// How old, in milliseconds, what is held may be without a wait: longer than a round of the reader and its pause take.
const FRESH_MS: i64 = 5_000;

pub(super) struct Alerts {
    tail: LiveTail<HeldAlerts>,
}

impl Alerts {
    /// None: the configuration has no `[alerts]`.
    pub(super) fn new(config: &Config) -> Option<Self> {
        let name = config.alerts.as_ref()?.topic.clone();
        let (brokers, properties) = (config.source.brokers.clone(), config.source.properties.clone());
        Some(Self { tail: LiveTail::new(Topic { brokers, properties, name }) })
    }
}

impl Alerts {
    async fn begin(&self) {
        let until = Instant::now() + WAIT;
        let is_fresh = || {
            let fresh = |at: i64| now_ms().saturating_sub(at) < FRESH_MS;
            self.tail.look(|_, progress| progress.problem.is_some() || progress.as_of.is_some_and(fresh))
        };
        while !is_fresh() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[async_trait]
impl AlertTail for Alerts {
    async fn held(&self) -> AlertsHeld {
        self.begin().await;
        self.tail.look(|held, progress| AlertsHeld {
            run: held.run(),
            as_of: progress.as_of,
            read: held.read(),
            passed_over: progress.passed_over,
            problem: progress.problem.clone(),
            alerts: held.newest().cloned().collect(),
        })
    }
}
