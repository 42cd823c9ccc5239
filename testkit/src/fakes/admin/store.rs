//! A store that only reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use weir::model::catalog::{Audit, RuleChange};
use weir::model::checkpoint::Activation;
use weir::model::ids::{Offset, Partition, Revision};
use weir::store::{AuditStore, ReportStore, StoreError, WindowRows, WindowsWanted};

use super::{FakeWindows, changes, filled, url};

pub(super) struct ReadOnly {
    pub(super) windows: FakeWindows,
    /// How often windows were read.
    pub(super) read: Arc<AtomicU64>,
    pub(super) filled: bool,
}

#[async_trait]
impl ReportStore for ReadOnly {
    /// A limit of 17 takes longer than another reader waits for its turn, and less than a request may.
    async fn windows_of(&self, wanted: WindowsWanted) -> Result<WindowRows, StoreError> {
        self.read.fetch_add(1, Ordering::Relaxed);
        if wanted.limit == 17 {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
        }
        Ok(self.windows.read(wanted))
    }

    async fn activations(&self, limit: u32) -> Result<Vec<Activation>, StoreError> {
        if self.filled {
            return Ok(filled::activations(limit));
        }
        Ok(vec![Activation { partition: Partition(0), first_offset: Offset(7), revision: Revision(4) }])
    }

    async fn rule_changes(&self, rule: &str, limit: u32) -> Result<Vec<RuleChange>, StoreError> {
        if limit == 14 {
            return Err(StoreError::Unavailable(url()));
        }
        let history = changes::history(rule, if self.filled { u32::MAX } else { limit });
        Ok(if self.filled && !history.is_empty() { filled::history(&history, limit) } else { history })
    }
}

#[async_trait]
impl AuditStore for ReadOnly {
    async fn audit(&self, limit: u32) -> Result<Vec<Audit>, StoreError> {
        if limit == 13 {
            return Err(StoreError::Unavailable(url()));
        }
        if limit == 14 {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        if self.filled {
            return Ok(filled::audit(limit));
        }
        let (who, action, rule) = ("publisher".into(), "publish".into(), "high_amount".into());
        Ok(vec![Audit {
            at: 0,
            who,
            action,
            rule,
            revision: 4,
            detail: "from none".into(),
            reason: Some("a first try".into()),
        }])
    }
}
