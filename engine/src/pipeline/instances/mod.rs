//! What the instances of a pipeline know of each other, and what this one remembers of the last minutes. Every 2 s it looks at itself
//! ([`report`]), and beside that it writes its row and reads those of the others; [`compose`] makes one view of both, [`changes`]
//! says what became another. Pages read the view from memory, whether the database answers or not, and no checkpoint waits for
//! any of it.

mod changes;
mod compose;
mod exchange;
mod report;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::admin::ports::PipelineView;
use crate::admin::views::{AloneView, InstanceView, InstancesView};
use crate::clock::now_ms;
use crate::config::Admin;
use crate::model::time::to_rfc3339;
use crate::rules::Catalog;
use crate::status::{History, Sample, Status};
use crate::store::Store;
use changes::Before;
use exchange::Exchange;
use report::Reporter;

pub(super) use report::partition_state;

/// An instance that did not write its row for longer is not heard of, in milliseconds: five times as long as it takes.
const HEARD_MS: i64 = 10_000;

/// What this instance is called, and the newest view of it and the others. Shared by whoever makes the view and whoever shows it.
pub(super) struct Instances {
    id: String,
    address: String,
    /// Epoch milliseconds.
    started_at: i64,
    view: Mutex<Arc<InstancesView>>,
}

impl Instances {
    /// Draws an id. `at`: where the admin API listens.
    pub(super) fn new(admin: &Admin, at: SocketAddr) -> Self {
        let started_at = now_ms();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let why = "the database was not asked yet".to_owned();
        let alone = Some(AloneView { since: to_rfc3339(started_at), why });
        let view = InstancesView { at: to_rfc3339(started_at), alone, ..InstancesView::default() };
        Self {
            id: hex::encode(rand::random::<[u8; 16]>()),
            address: address(admin, at, host.as_deref()),
            started_at,
            view: Mutex::new(Arc::new(view)),
        }
    }

    /// As of the last look, 2 s ago.
    pub(super) fn view(&self) -> Arc<InstancesView> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// This instance, without what it says of itself.
    fn own(&self) -> InstanceView {
        InstanceView {
            id: self.id.clone(),
            is_this: true,
            address: self.address.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: to_rfc3339(self.started_at),
            heard_ms_ago: 0,
            is_heard: true,
            report: None,
        }
    }
}

/// Where people reach the API. An address that stands for all of the machine's is none; its name may be.
fn address(admin: &Admin, at: SocketAddr, host: Option<&str>) -> String {
    match (&admin.public_url, host.map(str::trim).filter(|host| !host.is_empty())) {
        (Some(url), _) => url.clone(),
        (None, Some(host)) if at.ip().is_unspecified() => format!("http://{host}:{}", at.port()),
        (None, _) => format!("http://{at}"),
    }
}

/// Looks at this instance and asks for the others until told to stop; then its row goes.
pub(super) async fn keep(
    instances: Arc<Instances>,
    (view, status): (Arc<dyn PipelineView>, Arc<Status>),
    catalog: Arc<Catalog>,
    store: Arc<dyn Store>,
    stopping: CancellationToken,
) {
    let exchange = Exchange::new(instances.started_at);
    let look = async {
        let mut reporter = Reporter::new(status.clone(), catalog.clone());
        let mut before = Before::default();
        let mut ticks = tokio::time::interval(History::EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let (now, pipeline) = (now_ms(), view.pipeline());
            let own = InstanceView { report: Some(reporter.report(&pipeline, now, Instant::now())), ..instances.own() };
            let seen = compose::compose(own, &exchange.known(), now);
            before.tell(&seen, &pipeline, now, &status.history);
            status.history.sample(sample(&seen, now));
            *instances.view.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(seen);
        }
    };
    let ask = exchange::run(&exchange, &instances, &catalog, &*store, &status.history);
    tokio::select! {
        () = stopping.cancelled() => {}
        () = look => {}
        () = ask => {}
    }
    exchange::leave(&*store, &instances.id).await;
}

fn sample(seen: &InstancesView, now: i64) -> Sample {
    Sample {
        at: now,
        records: seen.rates.records,
        letters: seen.rates.letters,
        flagged: seen.rates.flagged,
        lag: seen.lag.records,
        oldest_ms: seen.lag.oldest_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_an_address_that_leads_to_this_instance() {
        let address = |url: Option<&str>, at: &str, host| {
            let admin = Admin { public_url: url.map(str::to_owned), ..Admin::default() };
            address(&admin, at.parse().expect("an address"), host)
        };
        assert_eq!(address(Some("https://weir.example.com"), "0.0.0.0:80", Some("a")), "https://weir.example.com");
        assert_eq!(address(None, "0.0.0.0:8080", Some("node-1\n")), "http://node-1:8080");
        assert_eq!(address(None, "[::]:8080", None), "http://[::]:8080");
        assert_eq!(address(None, "127.0.0.1:8080", Some("node-1")), "http://127.0.0.1:8080");
    }

    #[test]
    fn an_instance_is_another_one_after_each_start() {
        let start = || Instances::new(&Admin::default(), "127.0.0.1:8080".parse().expect("an address"));
        let (one, other) = (start(), start());
        assert!(one.id != other.id && one.id.len() == 32, "{} {}", one.id, other.id);
        assert!(one.view().alone.is_some(), "nobody was asked yet");
    }
}
