//! Every metric that there is. A metric that is not in the list is a mistake, and so is one in it that nothing counts.

/// How a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Only grows. One of time is counted in nanoseconds, for a counter holds whole numbers, and shown in seconds.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often a value fell into which range.
    Histogram,
}
use Type::{Counter, Gauge, Histogram};

/// Every metric: name, type, labels and meaning. A metric that is not in here is a mistake. Names follow Prometheus' rules: base
/// units, the unit at the end, `_total` at the end of a counter; the tests below hold them.
pub const METRICS: &[(&str, Type, &[&str], &str)] = &[
    (
        "weir_rejoins_total",
        Counter,
        &["worker"],
        "Consumers made anew because their worker was no member of the group, though Kafka answered others",
    ),
    ("weir_records_total", Counter, &["worker"], "Records judged, those judged again after a failure included"),
    ("weir_batches_total", Counter, &["worker"], "Batches judged"),
    (
        "weir_decode_slow_path_records_total",
        Counter,
        &["worker"],
        "Records that did not look like those before them, dirt included: they cost more to decode",
    ),
    ("weir_busy_seconds_total", Counter, &[], "Time, by the clock, that workers were not waiting for records"),
    (
        "weir_dead_letters_total",
        Counter,
        &["code"],
        "Records judged to be dead letters, those judged again after a failure included",
    ),
    (
        "weir_alerts_total",
        Counter,
        &["code"],
        "Flagged records whose alert goes to alerts.topic, by each code of alerts.codes that hit, those judged again after a \
         failure included",
    ),
    (
        "weir_alerts_not_sent_total",
        Counter,
        &[],
        "Flagged records beyond alerts.budget, which a summary record counts, those judged again after a failure included",
    ),
    ("weir_rule_cpu_seconds_total", Counter, &["rule"], "Processor time that rules took"),
    ("weir_checkpoint_seconds", Histogram, &[], "Time of a checkpoint, both transactions"),
    (
        "weir_checkpoint_phase_seconds",
        Histogram,
        &["phase"],
        "Time of a phase of a checkpoint, waiting included: clear (rows of the outbox that are in Kafka), offsets (the group's are \
         still there), database (the first transaction), kafka (the second)",
    ),
    ("weir_checkpoints_total", Counter, &["outcome"], "Checkpoints"),
    ("weir_fenced_checkpoints_total", Counter, &[], "Checkpoints refused because another worker took a partition"),
    ("weir_partition_position", Gauge, &["partition"], "Next offset that is not yet in a checkpoint"),
    ("weir_partition_lag_records", Gauge, &["partition"], "Records behind the end of the partition"),
    (
        "weir_partition_watermark_timestamp_seconds",
        Gauge,
        &["partition"],
        "Event time that the partition has reached, in epoch seconds, less window.out_of_orderness; never ahead of the clock",
    ),
    (
        "weir_window_groups",
        Gauge,
        &["worker"],
        "Groups of the open window that has the most of them, as far as the worker knows, at its last checkpoint",
    ),
    (
        "weir_window_overflow_records_total",
        Counter,
        &[],
        "Records that were summed in the group __other__, as their window had window.max_groups groups",
    ),
    (
        "weir_rule_hits_total",
        Counter,
        &["rule", "code", "mode", "effect"],
        "Hits of rules; effect is flag or dead-letter, mode is live or shadow",
    ),
    ("weir_rule_failures_total", Counter, &["rule", "code"], "Records on which a rule failed"),
    ("weir_rule_skipped_records_total", Counter, &["rule"], "Records that a flagging rule skipped for a missing field"),
    (
        "weir_rule_unexplained_flags_total",
        Counter,
        &["rule"],
        "Flags of dead letters and alerts without a detail, for the rule failed when it was asked for them",
    ),
    (
        "weir_dead_letter_hits_omitted_total",
        Counter,
        &[],
        "Hits that dead letters do not list: each lists 64 of them and 16 KiB of their details",
    ),
    ("weir_rules_revision", Gauge, &[], "Revision of the rule set in force"),
    (
        "weir_judging_revision",
        Gauge,
        &["worker"],
        "Revision of the rule set that the worker judged its latest batch by",
    ),
    (
        "weir_rules_swap_seconds",
        Histogram,
        &[],
        "Once a worker and new rule set that it judged by: from its coming into force (or, if that was later, from when the \
         worker last had nothing to judge) until the worker had judged a batch by it",
    ),
    (
        "weir_rules_swap_wait_seconds",
        Histogram,
        &[],
        "Once a worker and new rule set that it judged by: what its first batch waited for old instances to go and for new \
         ones to be made, those after a failure in it included",
    ),
    ("weir_rules_file_errors", Gauge, &[], "Files in the rules directory that could not be published"),
    ("weir_windows_deleted_total", Counter, &[], "Windows deleted because they ended before sink.retention"),
    ("weir_revisions_deleted_total", Counter, &[], "Revisions of the rule set deleted by rules.history"),
    ("weir_lookup_up", Gauge, &["lookup"], "1 if the lookup answered when it was last asked"),
    ("weir_lookup_keys_total", Counter, &["lookup"], "Keys that records looked up"),
    ("weir_lookup_misses_total", Counter, &["lookup"], "Keys that the cache did not hold, once a batch"),
    ("weir_lookup_misfits_total", Counter, &["lookup"], "Looked-up values that are not of their field's kind"),
    (
        "weir_lookup_request_keys",
        Gauge,
        &["lookup"],
        "Most keys that the lookup is asked for at once, so that its time-out carries the answer",
    ),
    ("weir_lookup_failures_total", Counter, &["lookup"], "Reads that the lookup did not answer"),
    ("weir_log_lines_dropped_total", Counter, &[], "Lines of the log that could not be written"),
    ("weir_admin_unauthorized_requests_total", Counter, &[], "Requests to the admin API without a valid token"),
    (
        "weir_conditions",
        Gauge,
        &["code"],
        "Conditions that an operator has to look at, by code; GET /pipeline has their texts",
    ),
    (
        "weir_build_info",
        Gauge,
        &["version", "commit", "features", "librdkafka", "openssl"],
        "1; its labels say what the binary is made of, as `weir --version` does",
    ),
    ("weir_ready", Gauge, &[], "1 if GET /readyz answers 200, else 0: GET /pipeline has the reasons"),
    ("weir_store_up", Gauge, &[], "1 if the store answers"),
    (
        "weir_source_paused",
        Gauge,
        &["worker"],
        "1 if the worker does not fetch: it has no partitions yet, or is full until a checkpoint is through",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, type and labels of every metric that this source counts.
    fn counted(code: &str) -> Vec<(String, Type, Vec<String>)> {
        let mut found = Vec::new();
        for (kind, word) in [(Counter, "counter"), (Gauge, "gauge"), (Histogram, "histogram")] {
            for at in code.split(&format!("metrics::{word}!(")).skip(1) {
                let name = at.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                let name = name.unwrap_or_else(|| panic!("a name that is no literal: {}", &at[..at.len().min(60)]));
                let mut depth = 1;
                let end = at.find(|c| {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    depth == 0
                });
                let mut labels: Vec<&str> = at[..end.expect("the macro ends")].split("=>").collect();
                labels.pop();
                let label = |part: &str| part.rsplit('"').nth(1).expect("a label is a literal").to_owned();
                found.push((name.to_owned(), kind, labels.into_iter().map(label).collect()));
            }
        }
        found
    }

    fn sources(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).expect("src/ is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                files.extend(sources(&path));
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("telemetry/recorder.rs") {
                files.push(path);
            }
        }
        files
    }

    #[test]
    fn the_list_and_what_is_counted_are_one() {
        let files = sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let mut counted: Vec<_> = files
            .iter()
            .flat_map(|file| counted(&std::fs::read_to_string(file).expect("it is there")))
            .map(|(name, kind, labels)| format!("{name} {kind:?} {labels:?}"))
            .collect();
        counted.sort_unstable();
        counted.dedup();
        let mut listed: Vec<_> =
            METRICS.iter().map(|(name, kind, labels, _)| format!("{name} {kind:?} {labels:?}")).collect();
        listed.sort_unstable();
        assert_eq!(listed, counted, "left: METRICS, right: what src/ counts");
    }

    #[test]
    fn docs_metrics_are_what_the_code_says() {
        let mut metrics: Vec<_> = METRICS.iter().collect();
        metrics.sort_unstable_by_key(|metric| metric.0);
        let row = |(name, kind, labels, meaning): &(&str, Type, &[&str], &str)| {
            let unit = unit_of(name).unwrap_or_default();
            let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
            let kind = format!("{kind:?}").to_lowercase();
            format!("| `{name}` | {kind} | {unit} | {labels} | {meaning} |\n")
        };
        let rows: String = metrics.into_iter().map(row).collect();
        let head = "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n";
        weir_testkit::made::hold("docs/metrics.md", &format!("{head}{rows}"));
    }

    /// What a metric may be told in: base units, and what Weir counts. A gauge that is 0 or 1 says a state.
    const UNITS: &[&str] = &[
        "seconds",
        "alerts",
        "batches",
        "checkpoints",
        "conditions",
        "errors",
        "failures",
        "flags",
        "groups",
        "hits",
        "keys",
        "dead_letters",
        "lines",
        "misfits",
        "misses",
        "records",
        "rejoins",
        "requests",
        "revisions",
        "windows",
    ];
    /// Ends of gauges that have no unit: an ordinal, a state that is 0 or 1, and 1 with labels.
    const WITHOUT_UNIT: &[&str] = &["position", "revision", "paused", "ready", "up", "info"];
    const NO_BASE_UNITS: &[&str] =
        &["nanoseconds", "microseconds", "milliseconds", "ns", "us", "ms", "minutes", "hours", "kb", "mb", "percent"];
    /// What may be behind the unit: what became of the things.
    const FATES: &[&str] = &["_deleted", "_dropped", "_not_sent", "_omitted"];

    /// The unit that a name says.
    fn unit_of(name: &str) -> Option<&'static str> {
        let stem = name.strip_suffix("_total").unwrap_or(name);
        let stem = FATES.iter().find_map(|fate| stem.strip_suffix(fate)).unwrap_or(stem);
        UNITS.iter().copied().find(|unit| stem.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')))
    }

    /// Prometheus' naming rules, https://prometheus.io/docs/practices/naming/: a prefix, base units in the plural, `_total`.
    #[test]
    fn names_follow_the_naming_rules_of_prometheus() {
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.0).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len(), "a name stands twice");
        for (name, kind, ..) in METRICS {
            assert!(name.starts_with("weir_"), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !name.contains("__"), "{name}");
            assert_eq!(*kind == Counter, name.ends_with("_total"), "{name}: a counter, and no other, ends in _total");
            for word in name.split('_') {
                assert!(!NO_BASE_UNITS.contains(&word), "{name}: {word} is no base unit");
            }
            let ends = WITHOUT_UNIT.iter().any(|end| name.ends_with(&format!("_{end}")));
            assert!(unit_of(name).is_some() != (ends && *kind == Gauge), "{name} says no unit, or none that is known");
            if *kind == Histogram {
                assert!(name.ends_with("_seconds"), "{name}");
            }
        }
    }
}
