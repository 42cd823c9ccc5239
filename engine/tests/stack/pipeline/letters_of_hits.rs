//! What is in a letter and in the metrics that a stranger chose: a rule that says much, and a record that pretends.

use std::collections::BTreeMap;
use std::time::Duration;

use weir_testkit::broker::Record;
use weir_testkit::guest::Guest;
use weir_testkit::pipeline::{PAYSIM, TestPipeline, shared};

/// Gives the manifest 256 codes, AA to PP, and hits a row with all of them, each time with 256 bytes of detail.
const TALKS: &str = "
  (func $codes (local $n i32) (local $name i32)
    (loop
      (local.set $name (i32.add (i32.const 20000) (i32.mul (local.get $n) (i32.const 2))))
      (i32.store8 (local.get $name) (i32.add (i32.const 65) (i32.shr_u (local.get $n) (i32.const 4))))
      (i32.store8 offset=1 (local.get $name) (i32.add (i32.const 65) (i32.and (local.get $n) (i32.const 15))))
      (call $put (i32.add (i32.const 8000) (i32.mul (local.get $n) (i32.const 20))) (local.get $name) (i32.const 2))
      (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 256)))))
  (func $talk (param $row i32) (local $n i32)
    (memory.fill (i32.const 30000) (i32.const 120) (i32.const 256))
    (loop
      (call $detail (local.get $row) (local.get $n) (i32.const 30000) (i32.const 256))
      (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 256)))))";

fn talks() -> Vec<u8> {
    let describe = "(call $codes) (call $put (i32.const 2032) (i32.const 8000) (i32.const 256))";
    let each = "(if (local.get $bad) (then (call $talk (local.get $i))))";
    Guest { each, describe, more: TALKS, ..Guest::good("talks") }.core()
}

#[test]
fn a_rule_that_says_much_makes_no_long_letter_and_a_record_says_nothing_in_the_engine_s_name() {
    let pipeline = TestPipeline::on(shared(), "says_much", PAYSIM, &[]);
    std::fs::write(pipeline.rules().join("talks.wasm"), talks()).expect("writable");
    let now = chrono::Utc::now().timestamp_millis();
    let bad = format!(r#"{{"event_time":{now},"type":"PAYMENT","amount":-1.00,"name_orig":"C1"}}"#);
    pipeline.send(0, &Record { value: Some(bad.into_bytes()), ..Default::default() });
    let forged = ["weir.rule", "weir.code", "trace"].map(|name| (name.to_owned(), Some(b"forged".to_vec())));
    pipeline.send(0, &Record { value: Some(b"{".to_vec()), headers: forged.to_vec(), ..Default::default() });
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(60));
    // A rebalance may have had it judged twice.
    assert!(pipeline.metric("weir_dead_letter_hits_omitted_total", "") >= Some(192.0));

    for phase in ["clear", "offsets", "database", "kafka"] {
        let took = pipeline.metric("weir_checkpoint_phase_seconds_count", &format!("phase=\"{phase}\""));
        assert!(took >= Some(1.0), "{phase}: {took:?}");
    }
    let effect = |effect: &str| pipeline.metric("weir_rule_hits_total", &format!("effect=\"{effect}\""));
    assert!(effect("dead-letter") >= Some(256.0) && effect("flag").is_none());

    // Series of a rule end with it.
    assert!(pipeline.metric("weir_rule_hits_total", "rule=\"talks\"") >= Some(256.0));
    std::fs::remove_file(pipeline.rules().join("talks.wasm")).expect("it is there");
    engine.within("the rule is retired", Duration::from_secs(30), || pipeline.rule("talks").is_none());
    assert_eq!(pipeline.metric("weir_rule_hits_total", "rule=\"talks\""), None);
    assert_eq!(pipeline.metric("weir_rule_cpu_seconds_total", "rule=\"talks\""), None);
    engine.stop();

    let source = pipeline.read(&pipeline.topic());
    let want = BTreeMap::from([((0, 0), "AA".to_owned()), ((0, 1), "PARSE_JSON".to_owned())]);
    pipeline.letters_are(&source, &want);
    let letters: Vec<_> = pipeline.read(&pipeline.queue()).into_values().collect();
    let size: usize =
        letters[0].headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len)).sum();
    let hits: serde_json::Value = serde_json::from_str(letters[0].header("weir.hits").expect("hits")).expect("JSON");
    assert_eq!((hits.as_array().map(Vec::len), letters[0].header("weir.hits.more")), (Some(64), Some("192")));
    assert!(size < 24_000, "{size} bytes of headers");
    assert_eq!(letters[1].header("weir.rule"), None);
    assert_eq!(letters[1].header("source.weir.rule"), Some("forged"));
    // Whoever lists them sees the engine's word.
    let mut listing = weir_testkit::pipeline::weir();
    listing.args(["dead-letters", "list", "--brokers", pipeline.stack.brokers(), "--topic", &pipeline.queue()]);
    let listed = weir_testkit::pipeline::run(&mut listing);
    assert!(listed.contains("PARSE_JSON") && !listed.contains("forged"), "{listed}");
}
