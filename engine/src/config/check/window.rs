//! `[window]` and `[sink]`: windows that end, sums that are exact, and the table that they go to.

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::{Found, is_sensitive};
use crate::config::{Config, Late, words};
use crate::model::aggregate::Aggregate;
use crate::model::checkpoint::StatsLayout;
use crate::model::record::Kind;

const DAY: Duration = Duration::from_secs(86_400);

impl Found {
    pub(super) fn window(&mut self, config: &Config) {
        let window = &config.window;
        let whole = window.size.subsec_nanos().is_multiple_of(1_000_000);
        let good = (Duration::from_millis(1)..=31 * DAY).contains(&window.size) && whole;
        self.unless(good, "window.size", "should be whole milliseconds, 1ms to 31days");
        // Beyond it a DATETIME could overflow, which would stop the pipeline for good.
        self.unless(window.max_ahead <= 36_500 * DAY, "window.max_ahead", "should be 36500days at most");
        self.unless(window.max_groups > 0, "window.max_groups", "should be 1 or more");
        self.unless(window.max_behind >= window.size, "window.max_behind", "should be window.size or more");
        // What a fast clock puts into windows to come, the others still have to reach before those are over.
        let half = window.allowed_lateness / 2;
        let good = window.late == Late::DeadLetter || window.allowed_lateness.is_zero() || window.max_ahead <= half;
        let (ahead, half) = (humantime::format_duration(window.max_ahead), humantime::format_duration(half));
        let why = format!(
            "{ahead} should be {half} at most, half of window.allowed_lateness: set it, or raise window.allowed_lateness"
        );
        self.unless(good, "window.max_ahead", why);
        for (key, names) in [
            ("window.group_by", window.group_by.iter().collect::<Vec<_>>()),
            ("window.measures", window.measures.keys().collect()),
        ] {
            for name in names {
                if key == "window.group_by" && is_sensitive(config, name) {
                    let name = words::field(name);
                    self.add(
                        key,
                        format!("{name:?} is sensitive, and the table would show its values to all who may read it"),
                    );
                }
                match (self.kinds.get(name), key) {
                    (None, _) => self.no_field(key, name),
                    (Some(Kind::Float), "window.group_by") => {
                        self.add(
                            key,
                            format!("{:?} is a float; declare it as a decimal to group by it", words::field(name)),
                        );
                    }
                    (Some(Kind::Decimal | Kind::Integer), _) | (_, "window.group_by") => {}
                    _ => {
                        let name = words::field(name);
                        self.add(key, format!("{name:?} is neither decimal nor integer: only these sum exactly"));
                    }
                }
            }
        }
        for (name, aggregates) in &window.measures {
            self.unless(
                !aggregates.is_empty(),
                format!("window.measures.{}", words::field(name)),
                "is empty; write [\"sum\"]",
            );
        }
        self.columns(config);
    }

    /// SQL does not tell column names apart by case.
    fn columns(&mut self, config: &Config) {
        let mut seen: BTreeSet<String> = StatsLayout::FIXED.map(String::from).into();
        let measures = config.window.measures.iter();
        let measured = measures
            .flat_map(|(field, asked)| Aggregate::in_order(asked).map(move |aggregate| aggregate.column(field)));
        for column in config.window.group_by.iter().cloned().chain(measured) {
            if !seen.insert(column.to_lowercase()) {
                let (table, column) = (words::name(&config.sink.table), words::field(&column));
                self.add("window", format!("two columns of {table} would be named {column:?}"));
            }
        }
    }

    pub(super) fn sink(&mut self, config: &Config) {
        let url = config.sink.url.expose_secret();
        let known = ["mysql://", "mariadb://", "sqlite://"].iter().any(|scheme| url.starts_with(scheme));
        self.unless(known, "sink.url", "should begin with mysql://, mariadb:// or sqlite://");
        self.name("sink.table", &config.sink.table);
        let own = config.sink.table.to_lowercase().starts_with("weir_");
        self.unless(!own, "sink.table", "should not begin with weir_, as the engine's own tables do");
        let Some(retention) = config.sink.retention else { return };
        // What may still be added to a window that is deleted would begin it anew, with a part of its records.
        let window = &config.window;
        let least = window.max_behind.max(2 * window.allowed_lateness) + window.size + Duration::from_secs(3_600);
        let why = format!(
            "{} should be {} or more: window.max_behind, twice window.allowed_lateness, and an hour. Set window.max_behind below \
             it, so that a record for a deleted window is a dead letter and does not begin it anew",
            humantime::format_duration(retention),
            humantime::format_duration(least)
        );
        self.unless(retention >= least, "sink.retention", why);
    }
}
