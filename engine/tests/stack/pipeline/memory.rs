//! What the engine keeps of memory that it freed.

use std::time::Duration;

use weir_testkit::pipeline::TestPipeline;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::generated::Generated;

/// Its pools of `malloc` after some work, with so many allowed by the environment.
fn pools(pipeline: &TestPipeline, generated: &Generated, allowed: Option<&str>) -> usize {
    generated.produce(pipeline);
    let mut command = pipeline.running(&pipeline.config());
    match allowed {
        Some(most) => command.env("MALLOC_ARENA_MAX", most),
        None => command.env_remove("MALLOC_ARENA_MAX"),
    };
    let mut engine = Engine::start(command, pipeline.folder.path().join("run.log"));
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(60));
    let pools = engine.malloc_pools();
    engine.stop();
    pools
}

#[test]
fn two_pools_of_malloc_a_worker_are_kept_unless_the_environment_says_otherwise() {
    let pipeline = TestPipeline::new("pools").with_workers(1);
    let generated = Generated::new(&pipeline, 2_000, 43, &[]);
    let (bounded, free) = (pools(&pipeline, &generated, None), pools(&pipeline, &generated, Some("16")));
    println!("{bounded} pools; 16 allowed: {free}");
    assert!(bounded <= 2, "{bounded} pools with one worker");
    assert!(free > 2, "no thread needs a third pool: the test shows nothing");
}
