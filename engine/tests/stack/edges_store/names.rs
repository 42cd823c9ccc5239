//! Names that the configuration gives are changed, or shared by two pipelines: rows, letters and offsets that do not belong
//! together never mix, and what to do is said.

use std::process::Command;

use crate::edges_store::fixture::Fixture;
use weir_testkit::pipeline::refusal::{refusal, says};

impl Fixture {
    /// `weir run` with these things of the configuration changed.
    fn run_with(&self, changes: &[(&str, &str)]) -> String {
        let mut text = std::fs::read_to_string(self.config()).expect("the configuration");
        for (from, to) in changes {
            assert!(text.contains(from), "{from:?} stands in the configuration");
            text = text.replace(from, to);
        }
        let other = self.folder.path().join("other.toml");
        std::fs::write(&other, text).expect("the folder is writable");
        let mut command: Command = self.running(&other);
        refusal(command.env("WEIR_LISTEN", "127.0.0.1:0"))
    }
}

#[test]
fn a_table_or_a_pipeline_of_somebody_else_is_refused_at_the_start_while_the_first_goes_on() {
    let mut fixture = Fixture::new("shared");
    fixture.payments.send(1_000);
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);

    let other = [("${WEIR_NAME}", "other"), ("${WEIR_GROUP}", "other")];
    let table = |name| [&other[..], &[("\"risk_stats\"", name)]].concat();
    let owner = format!("belongs to the pipeline \"{}\"", fixture.name);
    let owned = ["risk_stats", &owner, "another table in [sink]"];
    says(&fixture.run_with(&other), &owned);
    says(&fixture.run_with(&[&other[..], &[("[\"type\"]", "[]")]].concat()), &owned);
    says(&fixture.run_with(&table("\"Risk_Stats\"")), &owned);
    says(&fixture.run_with(&table("\"risk_stats_final\"")), &["risk_stats_final is a view", "another table in [sink]"]);

    let ran = format!("\"{}\" ran with another configuration", fixture.name);
    let ways_out = [&ran, "Take the old value back", "another name"];
    says(
        &fixture.run_with(&[("\"5s\"", "\"10s\"")]),
        &["window.size was 5000 ms and is 10000 ms", ways_out[0], ways_out[1]],
    );
    says(
        &fixture.run_with(&[("[\"type\"]", "[]")]),
        &["window.group_by was [\"type\"] and is []", ways_out[0], ways_out[2]],
    );
    says(
        &fixture.run_with(&[("[\"sum\", \"min\", \"max\"]", "[\"sum\"]")]),
        &["risk_stats", "amount_min", "window.measures"],
    );

    fixture.sql("UPDATE weir_pipeline SET fingerprint = JSON_SET(fingerprint, '$.of_a_later_version', 1)");
    says(
        &fixture.run_with(&[]),
        &[&format!("\"{}\"", fixture.name), "of_a_later_version", "run the version of Weir that wrote it"],
    );
    fixture.sql("UPDATE weir_pipeline SET fingerprint = JSON_REMOVE(fingerprint, '$.of_a_later_version')");

    fixture.payments.send(1_000);
    fixture.until_judged(&mut engine);
    engine.stop();
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    engine.stop();
    fixture.is_exact();
    assert_eq!(
        fixture.sql("SELECT pipeline, stats_table FROM weir_pipeline"),
        [[fixture.name.as_str(), "risk_stats"]],
        "and no trace of the others"
    );
}

#[test]
fn a_group_letter_topic_or_name_that_changed_is_refused_and_moves_as_the_operations_page_says() {
    let mut fixture = Fixture::new("renamed");
    fixture.payments.send(1_000);
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    engine.stop();

    let second = fixture.pipeline.queue() + "_2";
    fixture.make_topic(&second, &[]);
    let (name, moved_group) = (fixture.name.clone(), fixture.group() + "-moved");
    let group = ("${WEIR_GROUP}", moved_group.as_str());
    let queue = ("${WEIR_QUEUE}", second.as_str());
    let ran = format!("\"{name}\" ran with another configuration");
    let stay = [&ran, "Take the old value back"];
    says(
        &fixture.run_with(&[group]),
        &[&format!("source.group was \"{}\" and is \"{moved_group}\"", fixture.group()), stay[0], stay[1]],
    );
    says(
        &fixture.run_with(&[queue]),
        &[&format!("dead_letters.topic was \"{}\" and is \"{second}\"", fixture.queue()), stay[0], stay[1]],
    );
    says(
        &fixture.run_with(&[("${WEIR_NAME}", "other")]),
        &[&format!("risk_stats belongs to the pipeline \"{name}\""), "or the same pipeline"],
    );

    // Another name and table, but the same group: its offsets are of records that the new pipeline never saw.
    fixture.change("${WEIR_NAME}", "other");
    fixture.change("\"risk_stats\"", "\"other_stats\"");
    let mut engine = fixture.start();
    fixture.until_readyz_says(
        &mut engine,
        &["partition 0: the group has committed 250, but the store never saw", "another `source.group`"],
    );
    engine.stop();
    assert_eq!(fixture.sql("SELECT COUNT(*) FROM other_stats"), [["0"]]);
    fixture.change("\"other_stats\"", "\"risk_stats\"");
    fixture.change("\"other\"", "\"${WEIR_NAME}\"");
    fixture.is_exact();

    // The move on purpose.
    fixture.change(group.0, group.1);
    fixture.change(queue.0, queue.1);
    fixture.reset_group_to_the_store(&moved_group, "next_offset");
    fixture.sql(&format!(
        "UPDATE weir_pipeline SET fingerprint = JSON_SET(fingerprint, '$.group', '{moved_group}', '$.letter_topic', '{second}') \
         WHERE pipeline = '{name}'"
    ));
    let moved = fixture.payments.ends();
    fixture.payments.send(500);
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    engine.stop();
    fixture.windows_are("type", &fixture.payments.windows);
    fixture.letters_come(|(partition, offset)| u32::from(offset < moved[&partition]));
    let after = fixture.payments.letters(|(partition, offset)| u32::from(offset >= moved[&partition]));
    fixture.letters_come_to(&second, &after);
}
