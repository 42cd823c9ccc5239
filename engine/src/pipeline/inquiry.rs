//! `weir check --connect`: asks everything that the configuration names whether it is there, lets us in and is as it should be.
//! It joins no group, judges nothing and writes no record.

use std::fmt::Display;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::preflight::Plan;
use crate::config::Config;
use crate::enrich::lookup::Lookups;
use crate::kafka::{Cluster, partitions};
use crate::outbox::{self, Publisher};
use crate::rules::RulesDirectory;
use crate::status::{Side, refused};
use crate::{source, store};

/// Time-out of one question. Each has a shorter one of its own, but for a name server that does not answer.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(30);

/// What was asked, and what came of it: what was found, or what is wrong and what to do.
pub type Answer = (String, Result<String, String>);

/// One question after the other, in the order of the configuration; `tell` hears each answer as it comes.
pub async fn inquire(config: &Config, plan: &Plan, mut tell: impl FnMut(Answer)) {
    kafka(config, &mut tell).await;
    let (url, name, topic) = (config.sink.url.expose_secret(), &config.pipeline.name, &config.source.topic);
    let opened = within(store::connect_with(url, name, topic, config.window.idle_after)).await;
    tell(("sink.url".into(), opened.map(|_| "the database answers".into())));
    match Lookups::new(&config.lookup, plan.schema.clone()) {
        Ok(lookups) => {
            for (lookup, answer) in lookups.ask().await {
                tell((format!("lookup.{lookup}"), answer.map(|()| "Redis answers".into())));
            }
        }
        Err(why) => tell(("lookup".into(), Err(why.to_string()))),
    }
    let folder = within(RulesDirectory::check(&config.rules)).await;
    tell(("rules.dir".into(), folder.map(|()| config.rules.dir.display().to_string())));
}

async fn kafka(config: &Config, tell: &mut impl FnMut(Answer)) {
    let read = topic(config, "source.topic", config.source.topic.clone()).await;
    let there = read.is_ok();
    tell(("source.topic".into(), read));
    let letters = topic(config, "dead_letters.topic", config.dead_letters.topic.clone()).await;
    let mut written = letters.is_ok();
    tell(("dead_letters.topic".into(), letters));
    if let Some(alerts) = &config.alerts {
        let alerts = topic(config, "alerts.topic", alerts.topic.clone()).await;
        written &= alerts.is_ok();
        tell(("alerts.topic".into(), alerts));
    }
    // Of a topic that is not there, or a broker that does not answer, these would only say the same again.
    if there {
        let asked = config.source.clone();
        let read = blocking(move || source::may_read(&asked)).await;
        tell((
            "source.topic, Read".into(),
            right(read.map(|()| "its records can be read".into()), Side::Source, config),
        ));
        let asked = config.source.clone();
        let group = blocking(move || source::group_answers(&asked)).await;
        let found = group.map(|()| format!("the group {} tells its offsets", config.source.group));
        tell(("source.group".into(), right(found, Side::Group, config)));
    }
    if there && written {
        let suits = within(outbox::check_topics(config)).await;
        let name = match config.alerts {
            None => "dead_letters.topic, cleanup.policy",
            Some(_) => "dead_letters.topic and alerts.topic, cleanup.policy",
        };
        tell((name.into(), suits.map(|()| "it takes messages without a key".into())));
        let mut publisher = Publisher::new(config);
        let settled = within(publisher.resolve_in_doubt()).await;
        let found = settled.map(|()| "a transaction could begin (whether messages may be written is not tried)".into());
        tell(("transactional id".into(), right(found, Side::Letters, config)));
    }
}

/// How many partitions it has.
async fn topic(config: &Config, key: &'static str, topic: String) -> Result<String, String> {
    let source = config.source.clone();
    let found = blocking(move || {
        partitions(Cluster::of_source(&source), key, &topic).map(|count| format!("{topic} has {count} partitions"))
    });
    found.await
}

/// A right that is missing, as the command that gives it.
fn right(answer: Result<String, String>, side: Side, config: &Config) -> Result<String, String> {
    answer.map_err(|why| refused(&why, side, config).map_or(why, |refused| refused.message))
}

async fn blocking<T: Send + 'static, E: Display + Send + 'static>(
    ask: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, String> {
    let asked = async { tokio::task::spawn_blocking(ask).await.map_err(|why| why.to_string()) };
    match tokio::time::timeout(QUESTION_TIMEOUT, asked).await {
        Ok(Ok(answer)) => answer.map_err(|why| why.to_string()),
        Ok(Err(why)) => Err(why),
        Err(_) => Err(silent()),
    }
}

async fn within<T, E: Display>(asked: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(QUESTION_TIMEOUT, asked).await {
        Ok(answer) => answer.map_err(|why| why.to_string()),
        Err(_) => Err(silent()),
    }
}

fn silent() -> String {
    format!("no answer within {} s", QUESTION_TIMEOUT.as_secs())
}
