//! `[checkpoint]`, `[rules]`, `[rule.NAME]` and `[engine]`: bounds, and names of rules.

use std::time::Duration;

use bytesize::ByteSize;

use super::Found;
use crate::config::{Config, words};

impl Found {
    pub(super) fn limits(&mut self, config: &Config) {
        let (checkpoint, rules) = (&config.checkpoint, &config.rules);
        let least = Duration::from_millis(200);
        self.unless(checkpoint.interval >= least, "checkpoint.interval", "should be 200ms or more");
        self.unless(checkpoint.max_records > 0, "checkpoint.max_records", "should be 1 or more");
        self.unless(checkpoint.max_groups > 0, "checkpoint.max_groups", "should be 1 or more");
        let room = checkpoint.max_letter_bytes >= config.source.max_record;
        self.unless(room, "checkpoint.max_letter_bytes", "should be source.max_record or more");
        let drain = Duration::from_millis(1)..=Duration::from_secs(30);
        self.unless(drain.contains(&checkpoint.drain), "checkpoint.drain", "should be 1ms to 30s");
        let call = Duration::from_millis(10)..=Duration::from_secs(10);
        self.unless(call.contains(&rules.timeout), "rules.timeout", "should be 10ms (the clock's tick) to 10s");
        self.unless(rules.memory >= ByteSize::kib(64), "rules.memory", "should be 64KiB (one page) or more");
        self.unless(!rules.budget.is_zero(), "rules.budget", "should be more than nothing, as \"20us\"");
        let part = (0.01..=0.5).contains(&rules.shadow_budget);
        self.unless(part, "rules.shadow_budget", "should be 0.01 to 0.5, a part of each worker's time");
        self.unless(rules.max_module > ByteSize::b(0), "rules.max_module", "should be more than nothing");
        self.unless((1..=1_000).contains(&rules.max_rules), "rules.max_rules", "should be 1 to 1000");
        let history = (100..=1_000_000).contains(&rules.history);
        self.unless(history, "rules.history", "should be 100 to 1000000 revisions");
        let room = rules.required.len() <= rules.max_rules;
        self.unless(room, "rules.required", "names more rules than rules.max_rules allows");
        let named = |name: &String| words::name(name) == name && !name.contains('-');
        self.unless(
            rules.required.iter().all(named),
            "rules.required",
            "names what no rule can be called; write its name, as \"high_amount\"",
        );
        for (key, path) in [("rules.dir", Some(&rules.dir)), ("rules.cache", rules.cache.as_ref())] {
            let url = path.is_some_and(|path| path.to_string_lossy().contains("://"));
            self.unless(!url, key, "is a URL, and a folder is wanted");
        }
        for name in config.rule.keys() {
            self.unless(
                named(name),
                format!("rule.{}", words::name(name)),
                "is no name of a rule; write it in snake_case",
            );
        }
        self.unless(config.engine.workers != Some(0), "engine.workers", "should be 1 or more, or left out");
    }
}
