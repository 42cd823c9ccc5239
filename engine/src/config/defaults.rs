//! What `weir.toml` holds where it says nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytesize::ByteSize;

use super::{Admin, Checkpoint, DeadLetters, OnFailure, Properties, Rules, Tokens};

impl Default for DeadLetters {
    fn default() -> Self {
        Self { topic: "dead_letter_queue".into(), properties: Properties::default() }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            dir: "rules.d".into(),
            timeout: Duration::from_millis(50),
            memory: ByteSize::mib(16),
            budget: Duration::from_micros(20),
            shadow_budget: 0.1,
            max_module: ByteSize::mib(8),
            on_failure: OnFailure::default(),
            required: Vec::new(),
            max_rules: 100,
            history: 1_000,
            cache: None,
            suspend_misfits: false,
        }
    }
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            max_records: 1_000_000,
            max_groups: 200_000,
            max_letter_bytes: ByteSize::mib(32),
            drain: Duration::from_secs(10),
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tokens: Tokens::default(),
            people: BTreeMap::new(),
            public_url: None,
            hosts: Vec::new(),
        }
    }
}

pub(super) fn topic() -> String {
    "finance_stream".into()
}

pub(super) fn event_time() -> String {
    "event_time".into()
}

pub(super) fn table() -> String {
    "risk_stats".into()
}

pub(super) fn mib<const N: u64>() -> ByteSize {
    ByteSize::mib(N)
}

pub(super) fn alerts() -> u32 {
    1_000
}

pub(super) fn window_groups() -> usize {
    10_000
}

/// As humantime has them, of 365.25 days.
pub(super) fn years<const N: u64>() -> Duration {
    Duration::from_secs(N * 31_557_600)
}

pub(super) fn millis<const N: u64>() -> Duration {
    Duration::from_millis(N)
}
