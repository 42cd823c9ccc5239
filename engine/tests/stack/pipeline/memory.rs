//! What the engine keeps of memory that it freed.

use std::time::Duration;

use weir_testkit::pipeline::Way;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::generated::Generated;

/// Its pools of `malloc` after some work, with so many allowed by the environment.
fn pools(way: &Way, generated: &Generated, allowed: Option<&str>) -> usize {
    generated.produce(way);
    let mut command = way.running(&way.config());
    match allowed {
        Some(most) => command.env("MALLOC_ARENA_MAX", most),
        None => command.env_remove("MALLOC_ARENA_MAX"),
    };
    let mut engine = Engine::start(command, way.folder.path().join("run.log"));
    way.until_all_is_committed(&mut engine, Duration::from_secs(60));
    let pools = engine.malloc_pools();
    engine.stop();
    pools
}

#[test]
fn two_pools_of_malloc_a_worker_are_kept_unless_the_environment_says_otherwise() {
    let way = Way::new("pools").with_workers(1);
    let generated = Generated::new(&way, 2_000, 43, &[]);
    let (bounded, free) = (pools(&way, &generated, None), pools(&way, &generated, Some("16")));
    println!("{bounded} pools; 16 allowed: {free}");
    assert!(bounded <= 2, "{bounded} pools with one worker");
    assert!(free > 2, "no thread needs a third pool: the test shows nothing");
}
