//! A dead-letter topic with `cleanup.policy=compact`, which takes no letter of a record without a key.

use std::time::Duration;

use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;

use weir_testkit::broker::Record;
use weir_testkit::pipeline::TestPipeline;
use weir_testkit::pipeline::refusal::{refusal, says};

fn set_policy(pipeline: &TestPipeline, policy: &str) {
    let admin: AdminClient<DefaultClientContext> = pipeline.kafka().create().expect("an admin client");
    let queue = pipeline.queue();
    let change = AlterConfig::new(ResourceSpecifier::Topic(&queue))
        .set("cleanup.policy", policy)
        .set("max.message.bytes", "200000");
    for done in block_on(admin.alter_configs(&[change], &AdminOptions::new())).expect("the broker answers") {
        done.expect("it may be changed");
    }
}

#[test]
fn a_compacted_dead_letter_topic_is_refused_at_the_start_and_has_its_own_words_when_it_becomes_one() {
    let pipeline = TestPipeline::new("compacted");
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    set_policy(&pipeline, "compact");
    pipeline.send(0, &Record { value: Some(b"no JSON".to_vec()), ..Record::default() });
    let last = pipeline.until_readyz_says(&mut engine, &["cleanup.policy=compact"]);
    assert!(last.contains("--add-config cleanup.policy=delete"), "{last}");

    let line = refusal(pipeline.running(&pipeline.config()).env("WEIR_LISTEN", "127.0.0.1:0"));
    says(&line, &["dead_letters.topic", &pipeline.queue(), "cleanup.policy=compact", "kafka-configs.sh"]);

    set_policy(&pipeline, "delete");
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(60));
    pipeline.until_ready(&mut engine);
    assert_eq!(pipeline.read(&pipeline.queue()).len(), 1, "the letter, once");
    engine.stop();
}
