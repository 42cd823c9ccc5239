//! A member of a pipeline's group that is no engine: it comes, has partitions, reads nothing that counts, and goes when
//! dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::pipeline::TestPipeline;

/// A member of a consumer group that is no engine.
pub struct Member {
    stop: Arc<AtomicBool>,
    partitions: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Member {
    /// Joins the pipeline's group, with a session of 3 s.
    pub fn of(pipeline: &TestPipeline) -> Self {
        let mut config = pipeline.kafka();
        config.set("partition.assignment.strategy", "range").set("session.timeout.ms", "3000");
        let consumer: BaseConsumer = config.set("heartbeat.interval.ms", "200").create().expect("a consumer");
        consumer.subscribe(&[&pipeline.topic()]).expect("a topic");
        let (stop, partitions) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, has) = (stop.clone(), partitions.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                drop(consumer.poll(Duration::from_millis(50)));
                has.store(consumer.assignment().map_or(0, |list| list.count()), Ordering::Relaxed);
            }
        });
        Self { stop, partitions, thread: Some(thread) }
    }

    /// How many partitions are its own now.
    pub fn partitions(&self) -> usize {
        self.partitions.load(Ordering::Relaxed)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it does not panic");
        }
    }
}
