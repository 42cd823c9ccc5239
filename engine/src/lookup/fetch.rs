//! Asking Redis: one pipeline of HMGET a lookup, within its time-out. The only file that knows the client.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, RedisResult};
use tokio::sync::OnceCell;

use super::LookupError;
use super::value::Hash;
use crate::config::{self, OnUnavailable};

/// Of a first question, with its connection.
const CONNECT: Duration = Duration::from_secs(3);

/// One lookup's connection and what it asks for.
pub(super) struct Redis {
    pub(super) name: String,
    pub(super) on_unavailable: OnUnavailable,
    fields: Vec<String>,
    timeout: Duration,
    client: Client,
    /// Made by the first fetch, since only that runs on tokio; it connects again by itself.
    connection: OnceCell<ConnectionManager>,
    /// Why it did not answer when it was last asked.
    away: Mutex<Option<String>>,
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

/// One a lacking key: its values in the order of the fields; None: the key holds something that is no hash.
pub(super) type PartAnswers = Vec<Option<Vec<Option<Vec<u8>>>>>;

/// What Redis said to a plan.
pub struct Answers {
    /// One a part; None: not asked, or away and not to be waited for.
    pub(super) parts: Vec<Option<PartAnswers>>,
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
        // The client's own error may quote the URL, and with it a password.
        let client = Client::open(table.url.as_str())
            .map_err(|_| "url: is no address of a Redis; write \"redis://host:6379\"".to_owned())?;
        Ok(Self {
            name: name.to_owned(),
            on_unavailable: table.on_unavailable,
            fields: table.fields.keys().cloned().collect(),
            timeout: table.timeout,
            client,
            connection: OnceCell::new(),
            away: Mutex::default(),
        })
    }

    /// Why it did not answer when it was last asked; None: it did, or was never asked.
    pub(super) fn away(&self) -> Option<String> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self, keys: &[String]) -> Result<Option<PartAnswers>, LookupError> {
        if keys.is_empty() {
            return Ok(None);
        }
        let asked = tokio::time::timeout(self.timeout, self.ask(keys)).await;
        let up = f64::from(u8::from(matches!(asked, Ok(Ok(_)))));
        metrics::gauge!("weir_lookup_up", "lookup" => self.name.clone()).set(up);
        let why = match asked {
            Ok(Ok(answers)) => {
                *self.away.lock().unwrap_or_else(PoisonError::into_inner) = None;
                return Ok(Some(answers));
            }
            Ok(Err(e)) => e.to_string(),
            Err(_) => format!("no answer within {} ms", self.timeout.as_millis()),
        };
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
        metrics::counter!("weir_lookup_failures_total", "lookup" => self.name.clone()).increment(1);
        match self.on_unavailable {
            OnUnavailable::Wait => Err(LookupError::Unavailable { lookup: self.name.clone(), why }),
            OnUnavailable::Missing => {
                tracing::warn!(lookup = self.name, "Redis does not answer, its fields are missing: {why}");
                Ok(None)
            }
        }
    }

    /// Whether it answers, whatever the lookup does when it does not. Connecting anew may take longer than an answer may.
    pub(super) async fn answers(&self, key: &str) -> Result<(), String> {
        match tokio::time::timeout(CONNECT.max(self.timeout), self.ask(&[key.to_owned()])).await {
            Ok(answer) => answer.map(drop).map_err(|why| why.to_string()),
            Err(_) => Err("it does not answer; start it, or correct its url".into()),
        }
    }

    async fn ask(&self, keys: &[String]) -> RedisResult<PartAnswers> {
        let mut connection = self.connection.get_or_try_init(|| async { self.connect() }).await?.clone();
        let mut pipe = redis::pipe();
        pipe.ignore_errors();
        for key in keys {
            pipe.cmd("HMGET").arg(key).arg(&self.fields);
        }
        let answers: Vec<RedisResult<Vec<Option<Vec<u8>>>>> = pipe.query_async(&mut connection).await?;
        answers.into_iter().map(|answer| answer.map(Some).or_else(no_hash)).collect()
    }

    fn connect(&self) -> RedisResult<ConnectionManager> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(100));
        ConnectionManager::new_lazy_with_config(self.client.clone(), config)
    }
}

/// A key of another type is dirt in Redis and never gets better by waiting; every other error may.
fn no_hash(e: RedisError) -> RedisResult<Option<Vec<Option<Vec<u8>>>>> {
    if e.code() == Some("WRONGTYPE") { Ok(None) } else { Err(e) }
}
