//! Asking Redis what a batch lacks: one pipeline of HMGET a lookup within its time-out, or as many as the time-out needs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::LookupError;
use super::connection::{Connection, Hashes};
use super::parts::Parts;
use super::refusal::{self, Failed};
use super::value::Hash;
use crate::clock::now_ms;
use crate::config::{self, OnUnavailable};
use crate::enrich::Away;

/// Time-outs that a batch may take which need not be waited for.
const MAX_TIMEOUTS: u32 = 10;

/// One lookup's Redis and what it is asked for.
pub(super) struct Redis {
    pub(super) name: String,
    pub(super) on_unavailable: OnUnavailable,
    fields: Vec<String>,
    /// A key that no record has, for a question at the start.
    sample: String,
    timeout: Duration,
    connection: Connection,
    parts: Parts,
    /// Held while a part of a batch is asked: the parts of several would share the way, and none get through in time.
    turn: tokio::sync::Mutex<()>,
    /// That it did not answer when it was last asked, when that was, in epoch milliseconds, and why.
    away: Mutex<Option<(i64, Away)>>,
}

/// What a batch asks of one lookup.
pub(super) struct Part {
    pub(super) lookup: usize,
    pub(super) redis: Arc<Redis>,
    pub(super) rows: Vec<Row>,
    /// What Redis has to be asked for; distinct.
    pub(super) lacking: Vec<String>,
}

/// What is known of a row.
pub(super) enum Row {
    /// It lacks a field that the key is made of.
    NoKey,
    /// The cache knows its hash.
    Known(Arc<Hash>),
    /// Redis does, maybe: the index of its key in `lacking`.
    Lacking(usize),
}

/// What Redis said to a plan.
pub struct Answers {
    /// One a part; None: not asked, or away and not to be waited for.
    pub(super) parts: Vec<Option<Hashes>>,
    /// When it did. Its batch may be applied much later, and then the cache must not take it for new.
    pub(super) since: Instant,
}

/// Owns all it needs, so that it can run on tokio while the worker goes on.
pub(super) fn all(parts: &[Part]) -> impl Future<Output = Result<Answers, LookupError>> + Send + 'static + use<> {
    let asked: Vec<_> = parts.iter().map(|part| (part.redis.clone(), part.lacking.clone())).collect();
    async move {
        let parts = asked.into_iter().map(|(redis, keys)| async move { redis.fetch(&keys).await });
        let parts = futures::future::join_all(parts).await.into_iter().collect::<Result<_, _>>()?;
        Ok(Answers { parts, since: Instant::now() })
    }
}

impl Redis {
    pub(super) fn new(name: &str, table: &config::Lookup) -> Result<Self, String> {
        Ok(Self {
            name: name.to_owned(),
            on_unavailable: table.on_unavailable,
            fields: table.fields.keys().cloned().collect(),
            sample: refusal::sample(&table.key),
            timeout: table.timeout,
            connection: Connection::new(name, table)?,
            parts: Parts::default(),
            turn: tokio::sync::Mutex::default(),
            away: Mutex::default(),
        })
    }

    /// That it did not answer when it was last asked, when that was, in epoch milliseconds, and why; None: it did, or was never
    /// asked.
    pub(super) fn away(&self) -> Option<(i64, Away)> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[cfg(test)]
    pub(super) fn at_once(&self) -> usize {
        self.parts.size()
    }

    /// Asks once, for a key that no record has, as the pipeline will: an error is one that waiting does not fix.
    pub(super) async fn check(&self) -> Result<(), LookupError> {
        match self.once().await {
            Err(Failed::Refused(why)) => Err(LookupError::Refused { lookup: self.name.clone(), why }),
            Err(failed) => {
                let why = self.told(failed).why;
                tracing::warn!(lookup = self.name, "Redis does not answer yet, and is asked again: {why}");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// The same question: whether it answers, whatever the lookup does when it does not.
    pub(super) async fn answers(&self) -> Result<(), String> {
        self.once().await.map_err(|failed| self.told(failed).why)
    }

    async fn once(&self) -> Result<(), Failed> {
        match self.connection.shards().await? {
            nodes @ 2.. => Err(Failed::Refused(refusal::cluster(&self.name, &format!("{nodes} nodes share them")))),
            _ => self.connection.hashes(std::slice::from_ref(&self.sample), &self.fields).await.map(drop),
        }
    }

    async fn fetch(&self, keys: &[String]) -> Result<Option<Hashes>, LookupError> {
        if keys.is_empty() {
            return Ok(None);
        }
        let asked = self.in_parts(keys).await;
        metrics::gauge!("weir_lookup_up", "lookup" => self.name.clone()).set(f64::from(u8::from(asked.is_ok())));
        let failed = match asked {
            Ok(hashes) => {
                *self.away.lock().unwrap_or_else(PoisonError::into_inner) = None;
                return Ok(Some(hashes));
            }
            Err(failed) => failed,
        };
        let away = self.told(failed);
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = Some((now_ms(), away.clone()));
        metrics::counter!("weir_lookup_failures_total", "lookup" => self.name.clone()).increment(1);
        let (lookup, Away { why, refused }) = (self.name.clone(), away);
        match self.on_unavailable {
            OnUnavailable::Wait if refused => Err(LookupError::Refused { lookup, why }),
            OnUnavailable::Wait => Err(LookupError::Unavailable { lookup, why }),
            OnUnavailable::Missing => {
                tracing::warn!(lookup, "Redis gives no answer, its fields are missing: {why}");
                Ok(None)
            }
        }
    }

    /// In one go, if the time-out carries it.
    async fn in_parts(&self, keys: &[String]) -> Result<Hashes, Failed> {
        let until =
            (self.on_unavailable == OnUnavailable::Missing).then(|| Instant::now() + self.timeout * MAX_TIMEOUTS);
        let mut hashes = Vec::with_capacity(keys.len());
        while hashes.len() < keys.len() {
            let turn = match self.parts.size() < keys.len() {
                true => Some(self.turn.lock().await),
                false => None,
            };
            let rest = &keys[hashes.len()..];
            let part = &rest[..self.parts.size().min(rest.len())];
            let begun = Instant::now();
            match self.connection.hashes(part, &self.fields).await {
                Ok(some) => {
                    hashes.extend(some);
                    self.parts.fitted(part.len(), begun.elapsed(), self.timeout);
                }
                Err(Failed::TimedOut) if until.is_some_and(|until| Instant::now() > until) => {
                    return Err(Failed::TimedOut);
                }
                // Whoever answers a PING is there, and it is what was asked that takes too long.
                Err(Failed::TimedOut) if part.len() > 1 && self.connection.answers().await => {
                    let size = self.parts.halve(part.len());
                    let (asked, timeout) = (part.len(), self.timeout.as_millis());
                    tracing::info!(
                        lookup = self.name,
                        "{asked} hashes did not come within {timeout} ms: {size} at once"
                    );
                }
                Err(failed) => return Err(failed),
            }
            drop(turn);
            metrics::gauge!("weir_lookup_request_keys", "lookup" => self.name.clone()).set(self.parts.size() as f64);
        }
        Ok(hashes)
    }

    fn told(&self, failed: Failed) -> Away {
        let waited = self.timeout.as_millis();
        match failed {
            Failed::Refused(why) => Away { why, refused: true },
            Failed::Away(why) => Away { why, refused: false },
            Failed::TimedOut if self.parts.size() == 1 => Away {
                why: format!("no answer within {waited} ms, not even to one key: raise lookup.{}.timeout", self.name),
                refused: false,
            },
            Failed::TimedOut => Away { why: format!("no answer within {waited} ms"), refused: false },
        }
    }
}
