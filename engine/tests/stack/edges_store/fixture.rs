//! What each case rests on: the stack that all share, a pipeline of its own and payments for it.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::process::Command;
use std::time::{Duration, Instant};

use chrono::DateTime;
use serde_json::Value;

use crate::edges_store::payments::Payments;
use weir_testkit::broker::Place;
use weir_testkit::oracle::windows::{Sums, Windows, cents, same};
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::{Database, TestPipeline, run, shared};
use weir_testkit::stack::mariadb::MariaDb;
use weir_testkit::stack::root;
use weir_testkit::wait;

const EDGES: &str = include_str!("edges.toml");
/// Generous: the machine may be busy.
pub(crate) const SOON: Duration = weir_testkit::wait::STILL;

pub(crate) struct Fixture {
    pub(crate) pipeline: TestPipeline,
    pub(crate) payments: Payments,
}

impl Deref for Fixture {
    type Target = TestPipeline;

    fn deref(&self) -> &TestPipeline {
        &self.pipeline
    }
}

impl Fixture {
    pub(crate) fn new(name: &str) -> Self {
        Self::of(TestPipeline::on(shared(), name, EDGES, &[]))
    }

    /// With its database on a server of the test's own.
    pub(crate) fn on(server: &MariaDb, name: &str) -> Self {
        let database = Database { url: server.bare_url(), client: server.client() };
        Self::of(TestPipeline::on_database(shared(), database, name, EDGES, &[]))
    }

    fn of(pipeline: TestPipeline) -> Self {
        let payments = Payments::new(&pipeline);
        Self { pipeline, payments }
    }

    /// Changes the test's copy of the configuration.
    pub(crate) fn change(&self, from: &str, to: &str) {
        std::fs::write(self.config(), self.changed(from, to)).expect("the folder is writable");
    }

    /// N of each partition; one that never began has none.
    pub(crate) fn positions(&self) -> BTreeMap<i32, i64> {
        let here = "table_schema = DATABASE() AND table_name = 'weir_partition'";
        if self.sql(&format!("SELECT COUNT(*) FROM information_schema.tables WHERE {here}"))[0][0] == "0" {
            return BTreeMap::new();
        }
        let rows = self.sql("SELECT `partition`, next_offset FROM weir_partition WHERE next_offset IS NOT NULL");
        rows.into_iter().map(|row| (row[0].parse().unwrap(), row[1].parse().unwrap())).collect()
    }

    /// Until everything that was sent is in the store, and the group was told.
    pub(crate) fn until_judged(&self, engine: &mut Engine) {
        let ends = self.payments.ends();
        engine.until("the positions in the store are at the end of the topic", SOON, || self.positions() == ends);
        self.until_ready(engine);
    }

    /// Until the group is at the end of the topic; for a store that is no MariaDB.
    pub(crate) fn until_committed(&self, engine: &mut Engine) {
        self.until_all_is_committed(engine, SOON);
        self.until_ready(engine);
    }

    /// GET /windows, whole.
    pub(crate) fn windows_of_the_api(&self) -> Windows {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let window = |row: &Value| {
            let start = DateTime::parse_from_rfc3339(&text(&row["window_start"])).expect("RFC 3339");
            let measure = |name: &str| cents(&text(&row["measures"][name]));
            let (sum, min, max) = (measure("amount_sum"), measure("amount_min"), measure("amount_max"));
            let count = |name: &str| row[name].as_u64().expect("a count");
            let sums = Sums { records: count("records"), flagged: count("flagged"), sum, min, max };
            ((start.timestamp_millis(), text(&row["group"]["type"])), sums)
        };
        self.get("/windows?limit=1000").as_array().expect("rows").iter().map(window).collect()
    }

    /// The whole log of every run.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("run.log")).unwrap_or_default()
    }

    /// Places in the source, and how many letters there are for each.
    pub(crate) fn letters_in(&self, queue: &str) -> BTreeMap<Place, u32> {
        let mut letters = BTreeMap::new();
        self.each(queue, |_, letter| {
            let number = |name| letter.header(name).and_then(|text| text.parse::<i64>().ok()).expect("a number");
            let place = (number("__dlq.errors.partition") as i32, number("__dlq.errors.offset"));
            *letters.entry(place).or_default() += 1;
        });
        letters
    }

    pub(crate) fn letters_come(&self, times: impl Fn(Place) -> u32) {
        self.letters_come_to(&self.queue(), &self.payments.letters(times));
    }

    /// What a dead producer has open hides what comes after it until the broker gives it up.
    pub(crate) fn letters_come_to(&self, queue: &str, want: &BTreeMap<Place, u32>) {
        let (mut got, mut moved) = (self.letters_in(queue), Instant::now());
        while got != *want && moved.elapsed() < SOON {
            std::thread::sleep(Duration::from_millis(500));
            let now = self.letters_in(queue);
            if now != got {
                (got, moved) = (now, Instant::now());
            }
        }
        same(&got, want);
    }

    /// Every payment counted once, every dirty one a letter once.
    pub(crate) fn is_exact(&self) {
        self.windows_are("type", &self.payments.windows);
        self.letters_come(|_| 1);
    }

    /// `kafka-consumer-groups.sh` on this group, which changes nothing while a member that was killed counts as one.
    pub(crate) fn group_tool(&self, group: &str, arguments: &[&str]) {
        wait::until_some("the group's tool changes it", || {
            let mut tool = Command::new(root().join("stack/kafka"));
            tool.args(["consumer.group.ConsumerGroupCommand", "--bootstrap-server", self.stack.brokers()]);
            let said = run(tool.args(["--group", group]).args(arguments));
            if said.contains(&self.topic()) && !said.contains("Error") { Ok(()) } else { Err(said) }
        });
    }

    /// docs/operations.md: the group is set to the store's position, by `next_offset` or `published`.
    pub(crate) fn reset_group_to_the_store(&self, group: &str, column: &str) {
        let file = self.folder.path().join("positions.csv");
        let rows = self.sql(&format!("SELECT CONCAT_WS(',', topic, `partition`, {column}) FROM weir_partition"));
        std::fs::write(&file, rows.concat().join("\n")).expect("the folder is writable");
        let file = file.display().to_string();
        self.group_tool(group, &["--reset-offsets", "--from-file", &file, "--execute"]);
    }
}
