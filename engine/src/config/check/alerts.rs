//! `[alerts]`: the topic, the codes whose records go there, and what of a record everybody may see who reads it.

use std::collections::BTreeSet;

use super::kafka::{NO_TOPIC, is_topic};
use super::{Found, is_sensitive};
use crate::config::{Alerts, Config, words};
use crate::model::catalog::ENGINE_CODES;

/// As a manifest may have of them.
const CODES: usize = 256;
/// With texts of 1,024 bytes at most an alert stays far below the 1 MB that a topic takes.
const FIELDS: usize = 64;
const BUDGET: std::ops::RangeInclusive<u32> = 1..=1_000_000;

impl Found {
    pub(super) fn alerts(&mut self, config: &Config) {
        let Some(alerts) = &config.alerts else { return };
        self.alert_topic(alerts, config);
        self.alert_codes(alerts);
        self.alert_fields(alerts);
        self.alert_values(alerts, config);
        self.unless(BUDGET.contains(&alerts.budget), "alerts.budget", "should be 1 to 1000000");
    }

    fn alert_topic(&mut self, alerts: &Alerts, config: &Config) {
        self.unless(is_topic(&alerts.topic), "alerts.topic", NO_TOPIC);
        let apart = alerts.topic != config.source.topic;
        self.unless(apart, "alerts.topic", "is the source topic: every alert would be read again");
        let apart = alerts.topic != config.dead_letters.topic;
        self.unless(apart, "alerts.topic", "is the topic of the dead letters, whose messages look otherwise");
    }

    fn alert_codes(&mut self, alerts: &Alerts) {
        let few = (1..=CODES).contains(&alerts.codes.len());
        self.unless(few, "alerts.codes", format!("should name 1 to {CODES} codes, as [\"HIGH_AMOUNT\"]"));
        for code in &alerts.codes {
            let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            let is_code =
                code.starts_with(|c: char| c.is_ascii_uppercase()) && code.len() <= 64 && code.chars().all(plain);
            let why =
                "names what no rule's code can be called: write each out, as \"HIGH_AMOUNT\"; there is no wildcard";
            self.unless(is_code, "alerts.codes", why);
            if ENGINE_CODES.contains(&code.as_str()) {
                let why =
                    format!("{code} is one of the engine's own, of records that are dead letters and never alerts");
                self.add("alerts.codes", why);
            }
        }
        self.unless(are_apart(&alerts.codes), "alerts.codes", "names a code twice");
    }

    fn alert_fields(&mut self, alerts: &Alerts) {
        let few = alerts.fields.len() <= FIELDS;
        self.unless(few, "alerts.fields", format!("should name {FIELDS} fields at most"));
        for name in &alerts.fields {
            if !self.kinds.contains_key(name) {
                self.no_field("alerts.fields", name);
            }
        }
        self.unless(are_apart(&alerts.fields), "alerts.fields", "names a field twice");
    }

    fn alert_values(&mut self, alerts: &Alerts, config: &Config) {
        if alerts.sensitive {
            return;
        }
        let way_out =
            "everybody who may read alerts.topic would see it; leave it out, or write alerts.sensitive = true";
        for name in alerts.fields.iter().filter(|name| is_sensitive(config, name)) {
            let name = words::field(name);
            self.add("alerts.fields", format!("{name:?} is sensitive, and {way_out}"));
        }
        let in_value = config.record.fields.values().any(|field| field.sensitive);
        let why = format!("shows the record whole, which has a sensitive field: {way_out}");
        self.unless(!(alerts.value && in_value), "alerts.value", why);
    }
}

fn are_apart(names: &[String]) -> bool {
    names.iter().collect::<BTreeSet<_>>().len() == names.len()
}
