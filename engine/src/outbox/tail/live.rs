//! The newest messages of a topic, read once for everybody who looks at them, and kept in memory. A page that refreshes looks here,
//! so a hundred of them cost the broker what one costs. Nothing is read, and nothing kept, while nobody looks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Message};

use crate::clock::now_ms;
use crate::config::Properties;
use crate::kafka::{Cluster, Range, RangeError, RangeReader};

/// Pause between two rounds.
const EVERY: Duration = Duration::from_secs(1);
/// The longest that a round reads.
const ROUND: Duration = Duration::from_secs(5);
/// How long the topic is read on after somebody looked: longer than a page that refreshes every 2 s is hidden by a slip.
const LINGER: Duration = Duration::from_secs(60);
/// Offsets that a round reads at most, over all partitions; of those that came before them, the oldest are passed over. At a round a
/// second it bounds what the reading may take of the machine.
const MOST: i64 = 20_000;
/// Offsets that a round may read of each partition, however many there are.
const LEAST: i64 = 100;

/// Keeps what it wants of the messages of a topic, in bounded memory.
pub trait Keep: Default + Send + 'static {
    /// Takes the next message: in the order of each partition, and each once.
    fn keep(&mut self, message: &BorrowedMessage<'_>);
}

/// Where a topic is.
#[derive(Clone, Debug)]
pub struct Topic {
    /// As configured.
    pub brokers: String,
    /// Properties of the client.
    pub properties: Properties,
    /// Name of the topic.
    pub name: String,
}

/// How far the reading is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// When the last round ended, in epoch milliseconds; None: none has ended yet.
    pub as_of: Option<i64>,
    /// Messages that were read.
    pub read: u64,
    /// Offsets that were passed over, as more came than are read. Marks of transactions among them, which are no messages.
    pub passed_over: u64,
    /// Why the last round failed; None: it did not.
    pub problem: Option<String>,
}

/// Reads a topic for as long as somebody looks.
pub struct LiveTail<K> {
    topic: Topic,
    shared: Arc<Mutex<State<K>>>,
}

struct State<K> {
    kept: K,
    progress: Progress,
    /// Next offset of each partition that was seen.
    next: BTreeMap<i32, i64>,
    /// When somebody looked last.
    looked: Instant,
    /// Whether a thread reads.
    reads: bool,
    /// Before it no thread is started: one that panics again and again must not be started by every look.
    start_at: Instant,
}

impl<K: Keep> State<K> {
    fn new() -> Self {
        Self {
            kept: K::default(),
            progress: Progress::default(),
            next: BTreeMap::new(),
            looked: Instant::now(),
            reads: false,
            start_at: Instant::now(),
        }
    }
}

impl<K: Keep> LiveTail<K> {
    /// Reads nothing yet.
    pub fn new(topic: Topic) -> Self {
        Self { topic, shared: Arc::new(Mutex::new(State::new())) }
    }

    /// Shows what is kept, and goes on reading for a minute. Never waits for Kafka.
    pub fn look<T>(&self, see: impl FnOnce(&K, &Progress) -> T) -> T {
        let mut state = lock(&self.shared);
        state.looked = Instant::now();
        if !state.reads && Instant::now() >= state.start_at {
            let (topic, shared) = (self.topic.clone(), Arc::downgrade(&self.shared));
            let thread = std::thread::Builder::new().name("tail".to_owned()).spawn(move || read(&topic, &shared));
            state.reads = thread.is_ok();
            if let Err(why) = thread {
                state.progress.problem = Some(format!("no thread to read it: {why}"));
            }
        }
        see(&state.kept, &state.progress)
    }

    /// Waits until something was read, for the first look of all, and for so long at most.
    pub async fn begin(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        let began = || self.look(|_, progress| progress.as_of.is_some() || progress.problem.is_some());
        while !began() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn lock<K>(state: &Mutex<State<K>>) -> MutexGuard<'_, State<K>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Held by the thread that reads. If that panics, the problem is told, and a look from a second later on starts another one: without
/// this `reads` would stay true and nothing be read until the process ends.
struct Reading<'a, K: Keep>(&'a Weak<Mutex<State<K>>>);

impl<K: Keep> Drop for Reading<'_, K> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let Some(shared) = self.0.upgrade() else { return };
        let mut state = lock(&shared);
        // What was kept may be half changed, so it is given up. The next thread goes on behind the message that was read last.
        state.kept = K::default();
        state.progress.passed_over += std::mem::take(&mut state.progress.read);
        state.progress.problem = Some(
            "the thread that reads the topic panicked, which is a defect: see the log; it is started again".to_owned(),
        );
        state.reads = false;
        state.start_at = Instant::now() + EVERY;
    }
}

/// Until nobody has looked for [`LINGER`], or nobody can any more.
fn read<K: Keep>(topic: &Topic, shared: &Weak<Mutex<State<K>>>) {
    let _reading = Reading(shared);
    let keys = ("source.brokers", "source.properties");
    let cluster = Cluster { brokers: &topic.brokers, properties: &topic.properties, keys };
    let mut reader = None;
    while let Some(state) = shared.upgrade() {
        let round = match &reader {
            Some(reader) => read_on(reader, &state),
            None => RangeReader::new(cluster, &topic.name).and_then(|made| read_on(reader.insert(made), &state)),
        };
        let mut state = lock(&state);
        state.progress.as_of = if round.is_ok() { Some(now_ms()) } else { state.progress.as_of };
        state.progress.problem = round.err().map(|why| why.to_string());
        if state.looked.elapsed() > LINGER {
            // Under the lock: whoever looks next begins anew, with the newest of then. What came in between was not passed over.
            *state = State::new();
            return;
        }
        drop(state);
        std::thread::sleep(EVERY);
    }
}

/// A round. If it fails, the next one goes on behind what was kept.
fn read_on<K: Keep>(reader: &RangeReader<'_>, shared: &Mutex<State<K>>) -> Result<(), RangeError> {
    let until = Instant::now() + ROUND;
    let whole = reader.whole(until)?;
    let ranges = {
        let mut state = lock(shared);
        let (ranges, passed_over) = plan(&whole, &mut state.next);
        state.progress.passed_over += passed_over;
        ranges
    };
    let in_time = reader.read(&ranges, until, |message| {
        let mut state = lock(shared);
        // First, so that a message on which keeping panics is not read again.
        state.next.insert(message.partition(), message.offset() + 1);
        state.progress.read += 1;
        state.kept.keep(message);
    })?;
    if in_time {
        lock(shared).next.extend(ranges.iter().map(|range| (range.partition, range.to)));
    }
    Ok(())
}

/// The newest of each partition that is not kept yet, and how many offsets are passed over before them. What a partition held before it
/// was first seen is not counted: those are older, and nobody asked for them.
fn plan(whole: &[Range], next: &mut BTreeMap<i32, i64>) -> (Vec<Range>, u64) {
    let most = (MOST / i64::try_from(whole.len().max(1)).unwrap_or(MOST)).max(LEAST);
    let mut passed_over = 0;
    let range = |&Range { partition, from: low, to }: &Range| {
        let newest = (to - most).max(low);
        // A topic that was made anew may be shorter.
        let known = next.get(&partition).copied().filter(|known| *known <= to);
        let from = known.map_or(newest, |known| known.max(newest));
        passed_over += known.map_or(0, |known| u64::try_from(from - known).unwrap_or_default());
        next.insert(partition, from);
        Range { partition, from, to }
    };
    (whole.iter().map(range).collect(), passed_over)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(partition: i32, from: i64, to: i64) -> Range {
        Range { partition, from, to }
    }

    #[test]
    fn what_is_beyond_a_round_is_passed_over_and_counted_from_the_second_round_on() {
        let mut next = BTreeMap::new();
        let first = plan(&[range(0, 0, 50_000), range(1, 7, 9)], &mut next);
        assert_eq!(first, (vec![range(0, 40_000, 50_000), range(1, 7, 9)], 0), "older ones are not missed");
        next.extend([(0, 50_000), (1, 9)]);
        let second = plan(&[range(0, 0, 75_000), range(1, 7, 12)], &mut next);
        assert_eq!(second, (vec![range(0, 65_000, 75_000), range(1, 9, 12)], 15_000));
        let again = plan(&[range(0, 0, 75_000), range(1, 7, 12)], &mut next);
        assert_eq!(again, (vec![range(0, 65_000, 75_000), range(1, 9, 12)], 0), "a round that failed counts once");
    }

    #[test]
    fn a_topic_that_was_made_anew_is_read_from_its_beginning_and_nothing_of_it_is_missed() {
        let mut next = BTreeMap::from([(0, 5_000)]);
        assert_eq!(plan(&[range(0, 0, 3)], &mut next), (vec![range(0, 0, 3)], 0));
        assert_eq!(next[&0], 0);
    }

    #[derive(Default)]
    struct Count(u64);

    impl Keep for Count {
        fn keep(&mut self, _: &BorrowedMessage<'_>) {
            self.0 += 1;
        }
    }

    #[test]
    fn a_thread_that_panics_tells_it_and_leaves_the_place_to_another() {
        let shared = Arc::new(Mutex::new(State::<Count>::new()));
        {
            let mut state = lock(&shared);
            (state.reads, state.kept, state.progress.read) = (true, Count(7), 7);
            state.next.insert(0, 8);
        }
        let of_thread = Arc::downgrade(&shared);
        let thread = std::thread::spawn(move || {
            let _reading = Reading(&of_thread);
            panic!("as a defect does");
        });
        assert!(thread.join().is_err());
        let state = lock(&shared);
        assert!(!state.reads && state.start_at > state.looked, "another may start, and not at once");
        assert!(state.progress.problem.as_ref().is_some_and(|why| why.contains("panicked")));
        assert_eq!((state.kept.0, state.progress.read, state.progress.passed_over), (0, 0, 7));
        assert_eq!(state.next[&0], 8, "it goes on behind what was read");
    }

    #[test]
    fn of_very_many_partitions_each_is_read() {
        let whole: Vec<_> = (0..1_000).map(|partition| range(partition, 0, 5_000)).collect();
        let (ranges, _) = plan(&whole, &mut BTreeMap::new());
        assert!(ranges.iter().all(|range| range.to - range.from == LEAST), "{ranges:?}");
    }
}
