//! Records of `weir generate` with the truth about them, on their way into a test's topic.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::broker::{Place, Record};
use crate::oracle::windows::{Windows, of_truth};
use crate::pipeline::{TestPipeline, run, weir};
use crate::stack::root;

/// A file of `weir generate`, and the truth about it.
pub struct Generated {
    /// The file.
    pub csv: PathBuf,
    /// What `risk_stats` holds in the end.
    pub windows: Windows,
    /// The code of each dirty record, by `tx_id`.
    dirty: BTreeMap<i64, String>,
}

/// What the rules of this repository read of a record, parsed apart from the engine.
#[derive(Deserialize)]
pub struct Payment {
    /// Event time, in epoch milliseconds.
    pub event_time: i64,
    /// The kind of payment, by which windows are grouped.
    #[serde(rename = "type")]
    pub kind: String,
    /// As it is in the record.
    pub amount: Box<serde_json::value::RawValue>,
    /// Who pays.
    pub name_orig: String,
    /// Who is paid.
    pub name_dest: String,
    /// Balance before, as it is in the record.
    pub old_balance_org: Box<serde_json::value::RawValue>,
    /// Balance after, as it is in the record.
    pub new_balance_orig: Box<serde_json::value::RawValue>,
}

impl Generated {
    /// Makes them and blocks the customers that the truth calls blocked.
    pub fn new(pipeline: &TestPipeline, records: u32, seed: u32, more: &[&str]) -> Self {
        let (csv, truth) = (pipeline.folder.path().join("records.csv"), pipeline.folder.path().join("truth.json"));
        let mut command = weir();
        command.args(["generate", "--records", &records.to_string(), "--seed", &seed.to_string()]).args(more);
        run(command.arg("--out").arg(&csv).arg("--truth").arg(&truth));
        let truth: Value = serde_json::from_slice(&std::fs::read(&truth).expect("the truth")).expect("JSON");
        for name in truth["blocked_names"].as_array().expect("names") {
            pipeline.blocks(name.as_str().expect("text"));
        }
        let rows = truth["dead_letters"]["rows"].as_array().expect("rows").iter();
        let row = |row: &Value| (row[0].as_i64().expect("a row"), row[1].as_str().expect("a code").to_owned());
        Self { csv, windows: of_truth(&truth), dirty: rows.map(row).collect() }
    }

    fn command(&self, pipeline: &TestPipeline) -> Command {
        let mut command = weir();
        command.arg("produce").arg(&self.csv).args([
            "--brokers",
            pipeline.stack.brokers(),
            "--topic",
            &pipeline.topic(),
        ]);
        command.arg("--mapping").arg(root().join("mappings/paysim.toml"));
        command
    }

    /// Writes the whole file to the source topic.
    pub fn produce(&self, pipeline: &TestPipeline) {
        run(&mut self.command(pipeline));
    }

    /// In the background, so many records a second.
    pub fn produce_at(&self, pipeline: &TestPipeline, rate: u32) -> Producer {
        let mut command = self.command(pipeline);
        command.args(["--rate", &rate.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        Producer(command.spawn().expect("weir starts"))
    }

    /// Where each dirty record is, and its code; panics unless each of them is there once.
    pub fn dirty(&self, source: &BTreeMap<Place, Record>) -> BTreeMap<Place, String> {
        let mut want = self.dirty.clone();
        let mut found = BTreeMap::new();
        for (place, record) in source {
            if let Some(code) = tx_id(record).and_then(|id| want.remove(&id)) {
                found.insert(*place, code);
            }
        }
        assert!(want.is_empty(), "not in the topic: {want:?}");
        found
    }
}

/// `weir produce`; killed if the test ends before it does.
pub struct Producer(Child);

impl Producer {
    /// Whether it has ended.
    pub fn is_done(&mut self) -> bool {
        self.0.try_wait().expect("it is ours").is_some()
    }

    /// Waits for its end, which must be a good one.
    pub fn finish(mut self) {
        assert!(self.0.wait().expect("it is ours").success(), "weir produce");
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The record's payment; none: it is not one.
pub fn payment(record: &Record) -> Option<Payment> {
    serde_json::from_slice(record.value.as_deref()?).ok()
}

/// Of a truncated record too: the generator writes `tx_id` first there.
fn tx_id(record: &Record) -> Option<i64> {
    #[derive(Deserialize)]
    struct Id {
        tx_id: i64,
    }
    let value = record.value.as_deref()?;
    if let Ok(Id { tx_id }) = serde_json::from_slice(value) {
        return Some(tx_id);
    }
    let digits = std::str::from_utf8(value.strip_prefix(br#"{"tx_id":"#)?).ok()?;
    digits.split(',').next()?.parse().ok()
}
