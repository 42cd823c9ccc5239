//! Alerts that a fake reader holds.

use std::sync::Arc;

use async_trait::async_trait;
use weir::admin::ports::AlertTail;
use weir::admin::views::AlertsHeld;
use weir::model::ids::{Offset, Partition, RecordPosition};
use weir::model::seen_alert::{Flagged, NotSentSeen, Says, SeenAlert, SeenHit};

use super::{IBAN, filled, url};

/// Holds 9 alerts of one key, an alert of another, a summary, and a message of a stranger.
pub(super) struct Alerts {
    /// Whether it holds as many as any can instead, each with texts of its own.
    pub(super) filled: bool,
}

fn hit(code: &str, detail: &str) -> SeenHit {
    let (rule, version, sha256) = ("high_amount".into(), "1.2.0".into(), "09".repeat(32));
    SeenHit { rule, version, sha256, code: code.into(), detail: detail.into() }
}

fn flagged(offset: i64) -> Says {
    Says::Flagged(Flagged {
        record: RecordPosition { partition: Partition(3), offset: Offset(offset) },
        timestamp: 0,
        revision: 4,
        hits: vec![hit("AMOUNT_HIGH", &format!("{IBAN}: 9 > 1"))],
        more: 0,
        fields: vec![("iban".into(), Some(IBAN.into())), ("type".into(), Some("DEBIT".into()))],
        value: Some(format!("{{\"iban\":\"{IBAN}\"}}")),
        is_cut: false,
    })
}

#[async_trait]
impl AlertTail for Alerts {
    async fn held(&self) -> AlertsHeld {
        let (partition, from, to, records) = (3, 30, 39, 8);
        let not_sent = NotSentSeen { partition, from, to, records, codes: vec![("AMOUNT_HIGH".into(), records)] };
        if self.filled {
            return held(filled::alerts().into_iter().map(|(key, says)| (Some(key), says)));
        }
        let says = (0..9).map(flagged).chain([flagged(9), Says::NotSent(not_sent), Says::Other(5)]);
        let key = |number: u64| match number {
            0..=9 => Some(IBAN.to_owned()),
            10 => Some("acct-2".to_owned()),
            _ => None,
        };
        held((1..).zip(says).map(|(number, says)| (key(number), says)))
    }
}

/// These, in the order in which they were read.
fn held(all: impl Iterator<Item = (Option<String>, Says)>) -> AlertsHeld {
    let alert = |(number, (key, says)): (u64, (Option<String>, Says))| {
        let written = 1_767_225_600_000 + number as i64;
        Arc::new(SeenAlert { number, partition: 0, offset: number as i64, written, key, says })
    };
    let mut alerts: Vec<_> = (1..).zip(all).map(alert).collect();
    alerts.reverse();
    AlertsHeld {
        run: 1_700,
        as_of: Some(1_767_225_600_500),
        read: alerts.len() as u64,
        passed_over: 1_234,
        problem: Some(url()),
        alerts,
    }
}
