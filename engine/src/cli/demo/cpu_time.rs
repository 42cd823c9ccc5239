//! How long the demo took: on the clock, and in CPU time of the engine's workers alone. The generator, the sender and the in-process cluster
//! share the process and its cores with them, so the clock says little of the engine.

use std::fs;
use std::time::{Duration, Instant};

/// What the kernel calls the workers' threads, before their number.
const WORKERS: &str = "worker-";

/// Measures from [`Stopwatch::start`] to [`Stopwatch::stop`]; the workers run at both.
pub(super) struct Stopwatch {
    began: Instant,
    workers: Option<Duration>,
}

/// What a [`Stopwatch`] measured.
pub(super) struct Took {
    /// Time on the clock.
    pub(super) wall: Duration,
    /// CPU time of all workers together. None where the kernel does not tell it.
    pub(super) workers: Option<Duration>,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { began: Instant::now(), workers: cpu_time(WORKERS) }
    }

    pub(super) fn stop(self) -> Took {
        let workers = cpu_time(WORKERS).zip(self.workers);
        Took { wall: self.began.elapsed(), workers: workers.map(|(now, before)| now.saturating_sub(before)) }
    }
}

/// CPU time so far of this process's threads whose name begins so. None where there is no such thread, or no `/proc` with its times.
fn cpu_time(names: &str) -> Option<Duration> {
    let mut times = Vec::new();
    for thread in fs::read_dir("/proc/self/task").ok()? {
        let folder = thread.ok()?.path();
        // A thread may end between the two.
        let Ok(name) = fs::read_to_string(folder.join("comm")) else { continue };
        if name.starts_with(names) {
            // Nanoseconds on a core, nanoseconds of waiting for one, turns.
            let told = fs::read_to_string(folder.join("schedstat")).ok()?;
            times.push(Duration::from_nanos(told.split_whitespace().next()?.parse().ok()?));
        }
    }
    (!times.is_empty()).then(|| times.into_iter().sum())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use rustix::time::{ClockId, clock_gettime};

    use super::*;

    /// Takes a core for 40 ms, however long that takes.
    fn spin() {
        let took = || {
            let time = clock_gettime(ClockId::ThreadCPUTime);
            Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("below a second"))
        };
        while took() < Duration::from_millis(40) {}
    }

    #[test]
    fn the_threads_of_a_name_are_summed_and_no_others() {
        assert_eq!(cpu_time("no-thread-of-this-name"), None);
        let (tells, told) = mpsc::channel();
        let mut ends = Vec::new();
        for number in 0..2 {
            let (end, ended) = mpsc::channel::<()>();
            ends.push(end);
            let tells = tells.clone();
            let work = move || {
                spin();
                tells.send(()).expect("the test waits");
                let _ = ended.recv();
            };
            std::thread::Builder::new().name(format!("spin-{number}")).spawn(work).expect("a thread");
        }
        (0..2).for_each(|_| told.recv().expect("both spin"));
        let [both, first] = ["spin-", "spin-0"].map(|names| cpu_time(names).expect("Linux tells it"));
        // The kernel counts a thread that runs once a tick, which is 10 ms at most.
        assert!(both >= Duration::from_millis(60), "{both:?}");
        assert!(first >= Duration::from_millis(30) && first < both, "{first:?} of {both:?}");
    }
}
