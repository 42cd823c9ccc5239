//! Whether the worker is a member of its group, and what is done when it is none for too long. librdkafka can be left without
//! a broker to ask, for good, beside a Kafka that serves everyone else: a broker that KRaft fenced for a moment tells of
//! a cluster without brokers, and a race in librdkafka's re-bootstrap then leaves it without any. Only a new client helps.

use std::time::{Duration, Instant};

/// Pause between two probes whether Kafka answers a new client: each is a connection.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Membership {
    /// `source.rejoin_after`.
    after: Duration,
    /// Since when it is outside; None: it is a member.
    outside: Option<Instant>,
    /// Earliest time of the next probe.
    next_probe: Instant,
    /// Whether the answer of one is awaited.
    probing: bool,
}

impl Membership {
    pub(super) fn new(after: Duration, now: Instant) -> Self {
        Self { after, outside: Some(now), next_probe: now + after, probing: false }
    }

    /// The group gave it an assignment. The answer of a probe that is under way is of no interest any more.
    pub(super) fn joined(&mut self) {
        self.outside = None;
        self.probing = false;
    }

    /// It has none any more, until the next.
    pub(super) fn left(&mut self, now: Instant) {
        if self.outside.is_none() {
            self.outside = Some(now);
            self.next_probe = now + self.after;
        }
    }

    /// Whether Kafka has to be probed now.
    pub(super) fn must_probe(&mut self, now: Instant) -> bool {
        let due = self.outside.is_some() && !self.probing && now >= self.next_probe;
        self.probing |= due;
        due
    }

    /// A probe was answered. Ok(true): the consumer has to be made anew. Err: Kafka does not answer new clients either.
    pub(super) fn probed(&mut self, now: Instant, answer: Result<(), String>) -> Result<bool, String> {
        if !std::mem::take(&mut self.probing) || self.outside.is_none() {
            return Ok(false);
        }
        // The new consumer has as long as the old one had.
        self.next_probe = now + if answer.is_ok() { self.after } else { PROBE_EVERY };
        answer.map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_worker_that_is_no_member_for_a_minute_is_made_anew_if_kafka_answers_others() {
        let began = super::super::tests::any_time();
        let at = |seconds| began + seconds * SECOND;
        let mut membership = Membership::new(60 * SECOND, began);
        assert!(!membership.must_probe(at(59)));
        assert!(membership.must_probe(at(60)));
        assert!(!membership.must_probe(at(61)), "one at a time");
        assert_eq!(membership.probed(at(65), Err("away".into())), Err("away".into()));
        assert!(!membership.must_probe(at(69)), "it is probed every 5 s");
        assert!(membership.must_probe(at(70)));
        assert_eq!(membership.probed(at(71), Ok(())), Ok(true));
        assert!(!membership.must_probe(at(130)), "the new one has as long");
        assert!(membership.must_probe(at(131)));
    }

    #[test]
    fn a_member_is_left_alone_and_a_revoke_begins_the_time_anew() {
        let began = super::super::tests::any_time();
        let at = |seconds| began + seconds * SECOND;
        let mut membership = Membership::new(60 * SECOND, began);
        assert!(membership.must_probe(at(60)));
        membership.joined();
        assert!(!membership.must_probe(at(600)));
        assert_eq!(membership.probed(at(600), Ok(())), Ok(false), "an answer that comes late");
        membership.left(at(1_000));
        membership.left(at(1_030));
        assert!(!membership.must_probe(at(1_059)));
        assert!(membership.must_probe(at(1_060)), "from the first");
    }
}
