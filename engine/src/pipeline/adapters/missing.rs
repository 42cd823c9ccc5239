//! What a pipeline that has judged nothing yet waits for, with the command for each: whoever starts it for the first time is told
//! what to do next.

use crate::admin::views::MissingView;
use crate::config::Config;
use crate::status::Status;

/// Empty from the first record on. What does not answer is not here: `not_ready` says so, with what to do. `has_rule`: whether a
/// live rule judges.
pub(super) fn missing(config: &Config, has_rule: bool, status: &Status) -> Vec<MissingView> {
    if status.partitions.records_judged() > 0 {
        return Vec::new();
    }
    let (topic, brokers, group) = (&config.source.topic, &config.source.brokers, &config.source.group);
    let partitions = status.partitions.all();
    let mut missing = Vec::new();
    if partitions.is_empty() {
        let what = format!("the consumer group {group:?} has given this instance no partition of {topic:?} yet");
        let command = format!("kafka-consumer-groups.sh --bootstrap-server {brokers} --describe --group {group}");
        missing.push(MissingView { what, command });
    } else if partitions.values().all(|partition| partition.lag() == Some(0)) {
        let what = format!(
            "no record of {topic:?} is there to be judged; this sends some, as mappings/ has it for known files"
        );
        let command = format!("weir produce --brokers {brokers} --topic {topic} --mapping MAPPING.toml FILE");
        missing.push(MissingView { what, command });
    }
    if !has_rule {
        let what = "no rule is live: records are counted in windows, and none is flagged or rejected".to_owned();
        missing.push(MissingView { what, command: "weir rules push RULE.wasm".to_owned() });
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{Offset, Partition};
    use crate::status::Totals;

    fn whats(status: &Status) -> Vec<String> {
        let text = include_str!("../../../../weir.toml");
        let config = Config::parse(text, &|_| Some("a-secret-of-16-bytes".into())).expect("the repository's own");
        missing(&config, false, status).into_iter().map(|missing| missing.what).collect()
    }

    #[test]
    fn a_first_start_says_what_is_missing_and_the_first_record_ends_it() {
        let status = Status::default();
        let begins = |parts: &[&str]| {
            let whats = whats(&status);
            assert_eq!(whats.len(), parts.len(), "{whats:?}");
            whats.iter().zip(parts).for_each(|(what, part)| assert!(what.contains(part), "{what}"));
        };
        begins(&["no partition of \"finance_stream\"", "no rule is live"]);
        status.partitions.claimed(0, Partition(0), 1, Offset(0));
        begins(&["no rule is live"]);
        status.partitions.set_end(Partition(0), Offset(0), 0);
        begins(&["no record of \"finance_stream\"", "no rule is live"]);
        status.partitions.set_end(Partition(0), Offset(7), 0);
        begins(&["no rule is live"]);
        status.partitions.add_judged(Totals { records: 1, ..Totals::default() });
        begins(&[]);
    }
}
