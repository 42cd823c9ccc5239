//! The time that a thread had the processor: a rule is charged with that only, for how long a worker waited to be scheduled
//! says nothing about its rules.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A stretch of time below this is charged as it is: asking for the thread's time costs 0.3 µs, and a thread that lost the
/// processor is away for longer.
const SHORT: Duration = Duration::from_micros(50);

/// Processor time of the calling thread since it began.
pub(in crate::rules) fn thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Divides a batch's time among the rules that judge it.
pub(in crate::rules) struct Stopwatch {
    wall: Instant,
    cpu: Duration,
    /// Time of short stretches since `cpu` was read.
    charged: Duration,
}

impl Stopwatch {
    pub(in crate::rules) fn start() -> Self {
        Self { wall: Instant::now(), cpu: thread(), charged: Duration::ZERO }
    }

    /// The wall clock's and the thread's time when they were last read.
    pub(in crate::rules) fn read(&self) -> (Instant, Duration) {
        (self.wall, self.cpu)
    }

    /// Processor time since the lap before.
    pub(in crate::rules) fn lap(&mut self) -> Duration {
        let wall = Instant::now();
        let stretch = wall.saturating_duration_since(self.wall);
        self.wall = wall;
        if stretch < SHORT {
            self.charged += stretch;
            return stretch;
        }
        let cpu = thread();
        let took = cpu.saturating_sub(self.cpu).saturating_sub(self.charged);
        (self.cpu, self.charged) = (cpu, Duration::ZERO);
        took
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_sleeps_is_charged_with_nothing() {
        let mut watch = Stopwatch::start();
        std::thread::sleep(Duration::from_millis(60));
        assert!(watch.lap() < Duration::from_millis(30));
        let began = thread();
        while thread() - began < Duration::from_millis(20) {}
        assert!(watch.lap() >= Duration::from_millis(20));
    }
}
