//! Ten thousand connections that say nothing: they keep nobody out, and nothing of them is left.

use std::io::Read;
use std::time::Duration;

use weir_testkit::wait::{self, Fair};

use crate::admin_schemathesis::alone;
use crate::admin_schemathesis::served::{VIEWER, connect, get, served};

const CONNECTIONS: usize = 10_000;
/// A request beside them; a busy machine is slow by itself.
const BOUND: Duration = Duration::from_secs(5);

#[test]
fn ten_thousand_idle_connections_keep_nobody_out_and_leave_nothing() {
    let _alone = alone();
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    assert!(limit as usize > CONNECTIONS + 200, "`ulimit -n` is {limit}: raise its hard limit above {CONNECTIONS}");
    let (pipeline, engine) = served("idle");
    let before = engine.open_files();
    let (mut streams, mut slowest, mut most) = (Vec::new(), Duration::ZERO, 0);
    for number in 0..CONNECTIONS {
        streams.push(connect(&pipeline));
        if number % 250 == 249 {
            let asked = Fair::start();
            let (status, body) = get(&pipeline, "/pipeline", VIEWER);
            assert_eq!(status, 200, "{body}");
            slowest = slowest.max(asked.elapsed());
            most = most.max(engine.open_files());
            // Those that it lets go are closed a moment later, on a busy machine some moments.
            wait::until("it holds few connections", || engine.open_files() < before + 600);
        }
    }
    println!("slowest answer {slowest:?}; files of the engine: {before} before, {most} at most");
    assert!(slowest < BOUND, "{slowest:?}");
    assert!(most < before + 2_000, "the engine held {most} files, {before} before");
    // It ends every one by itself, the last of them when the time for a request's head is over.
    let silent = Fair::start();
    for stream in &mut streams {
        match stream.read(&mut [0]) {
            Ok(0) => {}
            Err(why) if why.kind() == std::io::ErrorKind::ConnectionReset => {}
            other => panic!("not closed: {other:?}"),
        }
    }
    println!("all closed {:?} after the last came", silent.elapsed());
    // The pools of Kafka's and the database's clients may have opened one or two.
    wait::until_some("none of their files is left", || {
        let left = engine.open_files();
        if left <= before + 8 { Ok(()) } else { Err((left, before)) }
    });
    assert_eq!(get(&pipeline, "/pipeline", VIEWER).0, 200);
    engine.stop();
}
