//! The newest dead letters for the admin API, read from their topic.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::admin::ports::LetterTail;
use crate::admin::views::{HeaderView, LetterView, LettersView};
use crate::config::Config;
use crate::outbox;

/// Within the time that the API gives a request.
const READ_LETTERS: Duration = Duration::from_secs(5);
/// Bytes of the texts of one answer, and so of what a read holds.
const LETTERS: usize = 8 << 20;
/// Reads of the topic at once. Each has a consumer of its own, with its connections and its buffers.
const READS: usize = 2;
/// For one of those to end.
const WAIT_TO_READ: Duration = Duration::from_secs(4);

pub(super) struct Letters {
    config: Arc<Config>,
    reads: Arc<Semaphore>,
}

impl Letters {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self { config, reads: Arc::new(Semaphore::new(READS)) }
    }
}

#[async_trait]
impl LetterTail for Letters {
    async fn tail(&self, limit: usize, code: Option<String>, text: usize) -> Result<LettersView, String> {
        let config = self.config.clone();
        // Taken here, or callers that gave up would still fill the blocking threads; held to the end of the read, which
        // outlives its caller.
        let place = tokio::time::timeout(WAIT_TO_READ, self.reads.clone().acquire_owned()).await;
        let place = place.map_err(|_| format!("{READS} reads of it are under way"))?.map_err(|why| why.to_string())?;
        let read = tokio::task::spawn_blocking(move || {
            let _place = place;
            let (source, topic) = (&config.source, &config.dead_letters.topic);
            let (code, within) = (code.as_deref(), READ_LETTERS);
            let wanted = outbox::Wanted { topic, limit, code, within, text, bytes: LETTERS };
            outbox::tail(&source.brokers, &source.properties, &wanted)
        });
        let tail = read.await.map_err(|why| why.to_string())?.map_err(|why| why.to_string())?;
        let letters = tail.letters.into_iter().rev().map(letter_view).collect();
        Ok(LettersView { complete: tail.complete, letters })
    }
}

fn letter_view(letter: outbox::Shown) -> LetterView {
    let header = |name: &str| Some(letter.header(name).to_owned()).filter(|text| !text.is_empty());
    LetterView {
        code: header("weir.code"),
        message: header("__dlq.errors.message"),
        partition: letter.partition,
        offset: letter.offset,
        key: letter.key,
        value: letter.value,
        value_bytes: letter.value_bytes.map(|bytes| bytes as u64),
        truncated: letter.truncated,
        headers: letter.headers.into_iter().map(|(name, value)| HeaderView { name, value }).collect(),
    }
}
