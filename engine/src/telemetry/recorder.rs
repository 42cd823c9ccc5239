//! The metrics' recorder: what installs it, keeps it small, and renders what it holds.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::list::METRICS;
use super::list::Type::{Counter, Gauge, Histogram};

/// Seconds; a checkpoint takes from a few milliseconds to its time-outs.
const CHECKPOINT_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Seconds; a batch may wait 5 ms for a new set, and be judged by it within 250.
const SWAP_BUCKETS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const UPKEEP: Duration = Duration::from_secs(5);

/// What a counter of time ends in. Such a counter is incremented in nanoseconds.
const SECONDS_TOTAL: &str = "_seconds_total";

/// The metrics of the process, as `/metrics` shows them. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Prometheus' text format, counters of time in seconds.
    pub fn render(&self) -> String {
        in_seconds(&self.0.render())
    }
}

/// The text with the values of counters of time divided by 10⁹.
fn in_seconds(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.lines() {
        match nanoseconds(line) {
            Some((series, nanos)) => {
                let (whole, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
                shown.push_str(&format!("{series} {whole}.{rest:09}"));
            }
            None => shown.push_str(line),
        }
        shown.push('\n');
    }
    shown
}

/// Series and value of a line that is a sample of a counter of time.
fn nanoseconds(line: &str) -> Option<(&str, u64)> {
    let name = line.split(['{', ' ']).next()?;
    let (series, value) = name.ends_with(SECONDS_TOTAL).then(|| line.rsplit_once(' '))??;
    Some((series, value.parse().ok()?))
}

/// The metrics of the process. The first call installs their recorder.
pub fn metrics() -> Metrics {
    static OF_PROCESS: OnceLock<Metrics> = OnceLock::new();
    OF_PROCESS.get_or_init(install).clone()
}

fn install() -> Metrics {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("weir_checkpoint_seconds".into()), CHECKPOINT_BUCKETS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Full("weir_checkpoint_phase_seconds".into()), CHECKPOINT_BUCKETS)
        })
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Prefix("weir_rules_swap_".into()), SWAP_BUCKETS))
        .expect("the buckets are not empty")
        .build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder was installed before; /metrics stays empty");
    }
    describe();
    let kept = handle.clone();
    // Without it histograms grow for as long as nobody scrapes.
    let upkeep = move || {
        loop {
            std::thread::sleep(UPKEEP);
            kept.run_upkeep();
        }
    };
    if let Err(error) = std::thread::Builder::new().name("metrics-upkeep".into()).spawn(upkeep) {
        tracing::warn!(%error, "no thread for the upkeep of metrics: they are tidied when scraped only");
    }
    Metrics(handle)
}

fn describe() {
    for (name, kind, _, meaning) in METRICS {
        match kind {
            Counter => metrics::describe_counter!(*name, *meaning),
            Gauge => metrics::describe_gauge!(*name, *meaning),
            Histogram => metrics::describe_histogram!(*name, *meaning),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_rendered_with_its_meaning_however_often_the_recorder_is_asked_for() {
        metrics();
        metrics::counter!("weir_fenced_checkpoints_total").increment(1);
        metrics::histogram!("weir_checkpoint_seconds").record(0.02);
        let text = super::metrics().render();
        assert!(text.contains("# HELP weir_fenced_checkpoints_total Checkpoints refused"), "{text}");
        assert!(text.contains("weir_fenced_checkpoints_total 1"), "{text}");
        assert!(text.contains("weir_checkpoint_seconds_bucket{le=\"0.025\"} 1"), "{text}");
    }

    #[test]
    fn counters_of_time_are_counted_in_nanoseconds_and_shown_in_seconds() {
        let text = "# HELP weir_busy_seconds_total Time\n# TYPE weir_busy_seconds_total counter\n\
                    weir_busy_seconds_total 1500000000\n\
                    weir_rule_cpu_seconds_total{rule=\"a\"} 7\n\
                    weir_checkpoint_seconds_sum 2\nweir_partition_watermark_timestamp_seconds{partition=\"0\"} 3\n";
        let shown = "# HELP weir_busy_seconds_total Time\n# TYPE weir_busy_seconds_total counter\n\
                     weir_busy_seconds_total 1.500000000\n\
                     weir_rule_cpu_seconds_total{rule=\"a\"} 0.000000007\n\
                     weir_checkpoint_seconds_sum 2\nweir_partition_watermark_timestamp_seconds{partition=\"0\"} 3\n";
        assert_eq!(in_seconds(text), shown);
    }
}
