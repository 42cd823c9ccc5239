//! Whether the worker is a member of its group, and what is done when it is none for too long. librdkafka can be left without
//! a broker to ask, for good, beside a Kafka that serves everyone else: a broker that KRaft fenced for a moment tells of
//! a cluster without brokers, and a race in librdkafka's re-bootstrap then leaves it without any. Only a new client helps.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::task::JoinHandle;

use super::broker::KafkaBroker;
use super::{Parts, Worker};
use crate::dead_letters::Publisher;
use crate::source::{self, Source};

/// Between two looks whether Kafka answers a new client: each is a connection.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Consumers that were made anew and whose old ones do not end: their threads and buffers stay, so there is a bound.
const UNENDED: usize = 3;

/// See the module.
pub(super) struct Membership {
    /// `source.rejoin_after`.
    after: Duration,
    /// None: it is a member.
    outside: Option<Instant>,
    /// When it may be looked next.
    look: Instant,
    looking: Option<JoinHandle<Result<(), String>>>,
    /// Old consumers on their way out.
    leaving: Vec<std::thread::JoinHandle<()>>,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    /// Ask Kafka by a new client.
    Look,
    /// It answered: make the consumer anew.
    Rejoin,
    /// It did not.
    Away(String),
}

impl Membership {
    pub(super) fn new(after: Duration) -> Self {
        let now = Instant::now();
        Self { after, outside: Some(now), look: now + after, looking: None, leaving: Vec::new() }
    }

    /// The group gave it an assignment.
    pub(super) fn joined(&mut self) {
        self.outside = None;
        self.looking = None;
    }

    /// It has none any more, until the next.
    pub(super) fn left(&mut self, now: Instant) {
        if self.outside.is_none() {
            self.outside = Some(now);
            self.look = now + self.after;
        }
    }

    /// `answer`: of the look that was begun, once it is there.
    fn next(&mut self, now: Instant, answer: Option<Result<(), String>>) -> Next {
        if self.outside.is_none() {
            return Next::Nothing;
        }
        match answer {
            Some(Ok(())) => {
                self.look = now + self.after;
                Next::Rejoin
            }
            Some(Err(why)) => {
                self.look = now + LOOK_EVERY;
                Next::Away(why)
            }
            None if self.looking.is_none() && now >= self.look => Next::Look,
            None => Next::Nothing,
        }
    }
}

impl Worker {
    /// To be called in every round of the loop; costs nothing while the worker is a member.
    pub(super) fn watch_membership(&mut self) -> anyhow::Result<()> {
        let answer = match self.membership.looking.take_if(|look| look.is_finished()) {
            Some(look) => Some(self.parts.tokio.block_on(look).unwrap_or_else(|why| Err(why.to_string()))),
            None => None,
        };
        let index = self.parts.index;
        match self.membership.next(Instant::now(), answer) {
            Next::Nothing => {}
            Next::Look => {
                let config = self.parts.config.clone();
                let look = move || source::answers(&config.source).map_err(|why| why.to_string());
                self.membership.looking = Some(self.parts.tokio.spawn_blocking(look));
            }
            Next::Away(why) => self.parts.status.outside_for(index, format!("Kafka does not answer: {why}")),
            Next::Rejoin => self.rejoin()?,
        }
        Ok(())
    }

    /// A new consumer and a new producer in the place of the old ones, as after a restart of the process.
    fn rejoin(&mut self) -> anyhow::Result<()> {
        let index = self.parts.index;
        self.membership.leaving.retain(|old| !old.is_finished());
        if self.membership.leaving.len() >= UNENDED {
            bail!(
                "Kafka: the worker is no member of its group, and {UNENDED} consumers that were given up for it do not end: \
                 the process ends, and goes on exactly where it is started again"
            );
        }
        let after = self.parts.config.source.rejoin_after;
        tracing::warn!(
            worker = index,
            "no member of the group for {after:?} (source.rejoin_after), though Kafka answers a new client: its consumer is \
             made anew"
        );
        metrics::counter!("weir_rejoins_total", "worker" => index.to_string()).increment(1);
        // Records of the old consumer go before it does.
        self.let_go();
        self.events.clear();
        let (fresh, broker) = clients(&self.parts)?;
        let old = (std::mem::replace(&mut self.source, fresh), std::mem::replace(&mut self.broker, broker));
        // The end of a client that has no broker may take long.
        let leave = std::thread::Builder::new().name(format!("leaving-{index}")).spawn(move || drop(old));
        self.membership.leaving.push(leave.context("no thread to end a consumer")?);
        let why = "Kafka answers a new client, so the worker's own was made anew; it joins".to_owned();
        self.parts.status.outside_for(index, why);
        self.source.join().context("source")
    }
}

fn clients(parts: &Parts) -> anyhow::Result<(Source, std::sync::Arc<tokio::sync::Mutex<KafkaBroker>>)> {
    let (config, several) = (&parts.config, parts.config.engine.count() > 1);
    let source = Source::connect(&config.source, several.then_some(parts.index)).context("source")?;
    let publisher = Publisher::new(&config.source, &config.dead_letters, &config.pipeline.name);
    let broker = KafkaBroker { reader: source.reader(), publisher };
    Ok((source, std::sync::Arc::new(tokio::sync::Mutex::new(broker))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_worker_that_is_no_member_for_a_minute_is_made_anew_if_kafka_answers_others() {
        let mut membership = Membership::new(60 * SECOND);
        let began = membership.outside.expect("it has not joined yet");
        let at = |seconds| began + seconds * SECOND;
        assert_eq!(membership.next(at(59), None), Next::Nothing);
        assert_eq!(membership.next(at(60), None), Next::Look);
        assert_eq!(membership.next(at(65), Some(Err("away".into()))), Next::Away("away".into()));
        assert_eq!(membership.next(at(69), None), Next::Nothing, "it is looked every 5 s");
        assert_eq!(membership.next(at(70), None), Next::Look);
        assert_eq!(membership.next(at(71), Some(Ok(()))), Next::Rejoin);
        assert_eq!(membership.next(at(130), None), Next::Nothing, "the new one has as long");
        assert_eq!(membership.next(at(131), None), Next::Look);
    }

    #[test]
    fn a_member_is_left_alone_and_a_revoke_begins_the_time_anew() {
        let mut membership = Membership::new(60 * SECOND);
        let began = membership.outside.expect("it has not joined yet");
        let at = |seconds| began + seconds * SECOND;
        membership.joined();
        assert_eq!(membership.next(at(600), None), Next::Nothing);
        assert_eq!(membership.next(at(600), Some(Ok(()))), Next::Nothing, "an answer that comes late");
        membership.left(at(1_000));
        membership.left(at(1_030));
        assert_eq!(membership.next(at(1_059), None), Next::Nothing);
        assert_eq!(membership.next(at(1_060), None), Next::Look, "from the first");
    }
}
