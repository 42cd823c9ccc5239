//! The newest alerts for the admin API, read from their topic while somebody looks.

use std::time::Duration;

use async_trait::async_trait;

use crate::admin::ports::AlertTail;
use crate::admin::views::AlertsHeld;
use crate::clock::now_ms;
use crate::config::Config;
use crate::outbox::{HeldAlerts, LiveTail, Topic};

/// The first to look waits so long for the topic.
const BEGIN: Duration = Duration::from_secs(2);

pub(super) struct Alerts {
    tail: LiveTail<HeldAlerts>,
    run: i64,
}

impl Alerts {
    /// None: the configuration has no `[alerts]`.
    pub(super) fn new(config: &Config) -> Option<Self> {
        let name = config.alerts.as_ref()?.topic.clone();
        let (brokers, properties) = (config.source.brokers.clone(), config.source.properties.clone());
        Some(Self { tail: LiveTail::new(Topic { brokers, properties, name }), run: now_ms() })
    }
}

#[async_trait]
impl AlertTail for Alerts {
    async fn held(&self) -> AlertsHeld {
        self.tail.begin(BEGIN).await;
        self.tail.look(|held, progress| AlertsHeld {
            run: self.run,
            as_of: progress.as_of,
            read: held.read(),
            passed_over: progress.passed_over,
            problem: progress.problem.clone(),
            alerts: held.newest().cloned().collect(),
        })
    }
}
