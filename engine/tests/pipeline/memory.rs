//! What the engine keeps of memory that it freed.

use std::time::Duration;

use crate::generated::Generated;
use crate::way::Way;

/// Its pools of `malloc` with so many allowed by the environment.
fn pools(way: &Way, allowed: Option<&str>) -> usize {
    let mut command = way.running(&way.config());
    if let Some(most) = allowed {
        command.env("MALLOC_ARENA_MAX", most);
    }
    let mut engine = crate::engine::Engine::start(command, way.folder.path().join("run.log"));
    way.until_all_is_committed(&mut engine, Duration::from_secs(60));
    let pools = engine.malloc_pools();
    engine.stop();
    pools
}

#[test]
fn two_pools_of_malloc_a_worker_are_kept_unless_the_environment_says_otherwise() {
    let way = Way::new("pools").with("[window]", "[engine]\nworkers = 1\n\n[window]");
    Generated::new(&way, 2_000, 43, &[]).produce(&way);
    let (bounded, free) = (pools(&way, None), pools(&way, Some("16")));
    println!("{bounded} pools; 16 allowed: {free}");
    assert!(bounded <= 2, "{bounded} pools with one worker");
    assert!(free > 2, "no thread needs a third pool: the test shows nothing");
}
