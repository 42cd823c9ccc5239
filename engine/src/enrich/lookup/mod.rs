//! Dimensions read from Redis hashes: `[lookup.NAME]` adds the fields of a hash to the record as `NAME.field`. One a
//! worker, with its own bounded cache. Three steps, so that the worker stays in charge while Redis answers: `plan` (what a
//! batch asks and the cache lacks), `Plan::fetch` (one pipeline a lookup, on tokio), `apply` (cache and columns).
//!
//! A hash or field that is not there is missing, and so is a value of the wrong kind: dirt in Redis is no fault of the
//! record. Whether to wait for a Redis that is away is the lookup's `on_unavailable`; the caller does the waiting.

mod cache;
mod connection;
mod fetch;
mod key;
mod parts;
mod refusal;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use crate::config::{self, OnUnavailable};
use crate::enrich::{Away, Query, Unanswered};
use crate::model::record::{Batch, FieldId, Schema};

use cache::Cache;
use connection::Hashes;
pub use fetch::Answers;
use fetch::{Part, Redis, Row};
use key::Template;
use value::Hash;

/// Without this a Redis that is away would cost every batch its whole time-out.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a lookup can't be made or asked. It never shows the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The configuration is wrong.
    #[error("lookup.{lookup}: {why}")]
    Config {
        /// Its name.
        lookup: String,
        /// What to fix.
        why: String,
    },
    /// Redis is away or too slow; trying again may help.
    #[error("lookup.{lookup}: Redis does not answer: {why}")]
    Unavailable {
        /// Its name.
        lookup: String,
        /// What was seen.
        why: String,
    },
    /// Waiting does not fix it: a wrong password, a right or a certificate that lacks, a cluster.
    #[error("lookup.{lookup}: {why}")]
    Refused {
        /// Its name.
        lookup: String,
        /// What is wrong and what to do.
        why: String,
    },
}

/// Asks the Redis of every lookup once, all at the same time.
///
/// # Errors
/// [`LookupError`]: what waiting does not fix, such as a wrong password. A Redis that is away is no error.
pub async fn check(lookups: &BTreeMap<String, config::Lookup>) -> Result<(), LookupError> {
    let asked = lookups.iter().map(|(name, table)| async move {
        let wrong = |why| LookupError::Config { lookup: name.clone(), why };
        Redis::new(name, table).map_err(wrong)?.check().await
    });
    futures::future::join_all(asked).await.into_iter().collect()
}

/// All lookups of a worker.
pub struct Lookups {
    lookups: Vec<Lookup>,
}

struct Lookup {
    redis: Arc<Redis>,
    template: Template,
    /// In the order of `Redis::fields`.
    fields: Vec<FieldId>,
    schema: Arc<Schema>,
    cache: Cache,
    /// Not asked before then, if it need not be waited for.
    paused_until: Option<Instant>,
    counters: Counters,
}

/// Looked up once: a label is a text of its own each time.
struct Counters {
    keys: metrics::Counter,
    misses: metrics::Counter,
    misfits: metrics::Counter,
}

/// What one batch asks of every lookup that is needed.
#[derive(Default)]
pub struct Plan {
    parts: Vec<Part>,
}

impl Lookups {
    /// Connects nothing: the first fetch does.
    ///
    /// # Errors
    /// [`LookupError`]: a URL, a certificate or a key that can't be used.
    pub fn new(lookups: &BTreeMap<String, config::Lookup>, schema: Arc<Schema>) -> Result<Self, LookupError> {
        let lookups = lookups.iter().map(|(name, table)| Lookup::new(name, table, &schema));
        Ok(Self { lookups: lookups.collect::<Result<_, _>>()? })
    }

    /// The record fields that the keys of needed lookups are made of.
    pub fn inputs(&self, needed: &[FieldId]) -> Vec<FieldId> {
        let lookups = self.lookups.iter().filter(|lookup| lookup.is_needed(needed));
        let mut inputs: Vec<FieldId> = lookups.flat_map(|lookup| lookup.template.fields()).collect();
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }

    /// The keys of each row, and what the cache knows of them.
    pub fn plan(&mut self, batch: &Batch, needed: &[FieldId], now: Instant) -> Plan {
        let lookups = self.lookups.iter_mut().enumerate().filter(|(_, lookup)| lookup.is_needed(needed));
        Plan { parts: lookups.map(|(index, lookup)| lookup.plan(index, batch, now)).collect() }
    }

    /// The lookups that did not answer when they were last asked: name, whether their fields are missing meanwhile, when that was,
    /// in epoch milliseconds, and why.
    pub fn away(&self) -> impl Iterator<Item = (&str, bool, i64, Away)> {
        self.lookups.iter().filter_map(|lookup| {
            let missing = lookup.redis.on_unavailable == OnUnavailable::Missing;
            let (at, away) = lookup.redis.away()?;
            Some((lookup.redis.name.as_str(), missing, at, away))
        })
    }

    /// Asks each lookup once for a hash that is not there, as records would: its name, and why there was no answer.
    pub async fn ask(&self) -> Vec<(String, Result<(), String>)> {
        let asked =
            self.lookups.iter().map(|lookup| async { (lookup.redis.name.clone(), lookup.redis.answers().await) });
        futures::future::join_all(asked).await
    }

    /// Fills every column of the lookups that are needed. Without answers what the cache lacks is missing.
    pub fn apply(&mut self, plan: Plan, answers: Option<Answers>, batch: &mut Batch, now: Instant) {
        let since = answers.as_ref().map_or(now, |answers| answers.since);
        let mut answers = answers.map(|answers| answers.parts).unwrap_or_default().into_iter();
        for part in plan.parts {
            self.lookups[part.lookup].apply(part, answers.next().flatten(), batch, (now, since));
        }
    }
}

impl Query for Plan {
    type Answers = Answers;
    type Error = LookupError;

    /// Whether the caches know all of it.
    fn is_complete(&self) -> bool {
        self.parts.iter().all(|part| part.lacking.is_empty())
    }

    /// Whether a lookup that it asks has `on_unavailable = "wait"`.
    fn waits(&self) -> bool {
        self.parts.iter().any(|part| !part.lacking.is_empty() && part.redis.on_unavailable == OnUnavailable::Wait)
    }

    /// Asks Redis for what is lacking, all lookups at once. An error is one of a lookup that has to be waited for; one that
    /// need not leaves its part of the answers out.
    fn fetch(&self) -> impl Future<Output = Result<Answers, LookupError>> + Send + 'static {
        fetch::all(&self.parts)
    }
}

impl Unanswered for LookupError {
    fn away(self) -> (String, Away) {
        let refused = !matches!(self, Self::Unavailable { .. });
        let (Self::Config { lookup, why } | Self::Unavailable { lookup, why } | Self::Refused { lookup, why }) = self;
        (lookup, Away { why, refused })
    }
}

impl Lookup {
    fn new(name: &str, table: &config::Lookup, schema: &Arc<Schema>) -> Result<Self, LookupError> {
        let wrong = |why: String| LookupError::Config { lookup: name.to_owned(), why };
        let find = |field: &str| {
            let name = format!("{name}.{field}");
            schema.find(&name).ok_or_else(|| wrong(format!("the schema has no field {name:?}")))
        };
        Ok(Self {
            redis: Arc::new(Redis::new(name, table).map_err(wrong)?),
            template: Template::parse(&table.key, schema).map_err(wrong)?,
            fields: table.fields.keys().map(|field| find(field)).collect::<Result<_, _>>()?,
            schema: schema.clone(),
            cache: Cache::new(table.cache.entries, table.cache.ttl),
            counters: Counters::new(name),
            paused_until: None,
        })
    }

    fn is_needed(&self, needed: &[FieldId]) -> bool {
        self.fields.iter().any(|field| needed.contains(field))
    }

    fn plan(&mut self, index: usize, batch: &Batch, now: Instant) -> Part {
        let (mut rows, mut lacking) = (Vec::with_capacity(batch.rows()), Vec::new());
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut key = String::new();
        let mut keys = 0;
        for row in 0..batch.rows() {
            if !self.template.write(batch, row, &mut key) {
                rows.push(Row::NoKey);
                continue;
            }
            keys += 1;
            if let Some(hash) = self.cache.get(&key, now) {
                rows.push(Row::Known(hash));
                continue;
            }
            let at = *seen.entry_ref(&key).or_insert_with(|| {
                lacking.push(key.clone());
                lacking.len() - 1
            });
            rows.push(Row::Lacking(at));
        }
        self.counters.keys.increment(keys);
        self.counters.misses.increment(lacking.len() as u64);
        if self.paused_until.is_some_and(|until| now < until) {
            lacking.clear();
        }
        Part { lookup: index, redis: self.redis.clone(), rows, lacking }
    }

    fn apply(&mut self, part: Part, answers: Option<Hashes>, batch: &mut Batch, (now, since): (Instant, Instant)) {
        let mut learned = Vec::new();
        match answers {
            Some(answers) => learned = self.learn(&part, answers, since),
            None if part.lacking.is_empty() => {}
            None => self.paused_until = Some(now + PAUSE),
        }
        for (at, id) in self.fields.iter().enumerate() {
            let column = &mut batch.columns[id.0];
            for row in &part.rows {
                let hash = match row {
                    Row::NoKey => None,
                    Row::Known(hash) => Some(hash),
                    Row::Lacking(key) => learned.get(*key),
                };
                column.push(hash.and_then(|hash| hash.get(at)));
            }
        }
    }

    /// The hashes of the keys that were lacking, in their order.
    fn learn(&mut self, part: &Part, answers: Hashes, since: Instant) -> Vec<Arc<Hash>> {
        self.paused_until = None;
        let mut misfits = 0;
        let mut learned = Vec::with_capacity(part.lacking.len());
        for (key, answer) in part.lacking.iter().zip(answers) {
            let fields = self.fields.iter().map(|id| self.schema.field(*id));
            let hash = Arc::new(Hash::read(fields, answer, &mut misfits));
            self.cache.insert(key, hash.clone(), since);
            learned.push(hash);
        }
        self.counters.misfits.increment(misfits);
        learned
    }
}

impl Counters {
    fn new(lookup: &str) -> Self {
        let lookup = lookup.to_owned();
        Self {
            keys: metrics::counter!("weir_lookup_keys_total", "lookup" => lookup.clone()),
            misses: metrics::counter!("weir_lookup_misses_total", "lookup" => lookup.clone()),
            misfits: metrics::counter!("weir_lookup_misfits_total", "lookup" => lookup),
        }
    }
}
