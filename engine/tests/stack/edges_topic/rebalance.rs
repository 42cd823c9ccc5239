//! SIGTERM while the group is being rebalanced: another instance joins or leaves at that moment.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::producer::Producer;

use crate::edges_topic::fixture::{self, Fixture, SOON};
use weir_testkit::pipeline::api::flowing;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::wait::{Fair, Progress};

/// `checkpoint.drain` for the last checkpoint and 5 s each for what else ends, and some for a busy machine.
const TO_END: Duration = Duration::from_secs(30);

/// Writes payments into every partition until it is told to stop.
struct Stream {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Stream {
    fn into(pipeline: &Arc<Fixture>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, pipeline) = (stop.clone(), pipeline.clone());
        let write = move || {
            let producer = pipeline.producer();
            let mut number = 0;
            while !stopped.load(Ordering::Relaxed) {
                (0..4).for_each(|partition| pipeline.queue_up(&producer, partition, number..number + 50));
                number += 50;
                std::thread::sleep(Duration::from_millis(50));
            }
            producer.flush(SOON).unwrap();
        };
        Self { stop, thread: std::thread::spawn(write) }
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

fn says(log: &Path, text: &str) -> usize {
    std::fs::read_to_string(log).unwrap_or_default().matches(text).count()
}

/// Waits until the log says this once more than `before`.
fn until_said(engine: &mut Engine, log: &Path, text: &str, before: usize) {
    let mut progress = Progress::default();
    while says(log, text) <= before {
        engine.runs();
        progress.saw(&format!("{text:?} is said"), engine.words());
        // Not longer: what comes next has to meet the moment.
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn sigterm_in_the_middle_of_a_rebalance_ends_well_in_time_and_nothing_is_lost_or_twice() {
    let pipeline = Arc::new(fixture::pipeline("leaving"));
    let stream = Stream::into(&pipeline);
    let log = |number: usize| pipeline.folder.path().join(format!("{number}.log"));
    let (mut old, mut admin) = pipeline.start_beside(&log(0));
    let mut old_log = log(0);
    until_said(&mut old, &old_log, "assigned", 0);
    let mut slowest = Duration::ZERO;
    for round in 1..=10 {
        // What is revoked then is for the new one; else both find the group still moving after the one that left.
        if matches!(round % 5, 1 | 3) {
            old.until("it has all of them", SOON, || flowing(admin) == Some(4));
        }
        let (revoked, new_log) = (says(&old_log, "revoked"), log(round));
        let (mut new, new_admin) = pipeline.start_beside(&new_log);
        until_said(&mut new, &new_log, "running admin=", 0);
        // It has asked to join. The old one is told at its next heartbeat, lets go and takes what is left.
        match round % 5 {
            0 => {}
            1 => until_said(&mut old, &old_log, "revoked", revoked),
            2 => until_said(&mut new, &new_log, "assigned", 0),
            // Two workers: one has its partitions, the other is about to.
            3 => until_said(&mut old, &old_log, "revoked", revoked + 1),
            _ => until_said(&mut new, &new_log, "assigned", 1),
        }
        let (is_old, is_new) = ((old, old_log, admin), (new, new_log, new_admin));
        let ((leaving, ..), staying) = if round % 2 == 0 { (is_old, is_new) } else { (is_new, is_old) };
        let began = Fair::start();
        leaving.stop();
        slowest = slowest.max(began.elapsed());
        (old, old_log, admin) = staying;
    }
    println!("the slowest end took {slowest:?}");
    assert!(slowest < TO_END, "{slowest:?} after SIGTERM");
    stream.end();
    pipeline.until_all_is_committed(&mut old, SOON);
    // Both at once: the last ones leave a group that is moving.
    let (mut new, _) = pipeline.start_beside(&log(11));
    until_said(&mut new, &log(11), "running admin=", 0);
    old.signal("TERM");
    new.stop();
    old.stop();
    pipeline.is_exact(&pipeline.read(&pipeline.topic()));
}
