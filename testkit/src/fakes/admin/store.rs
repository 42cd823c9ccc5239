//! A store that only reads, and that is away or slow where a limit asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use weir::model::catalog::{Audit, RuleChange};
use weir::model::checkpoint::Activation;
use weir::model::ids::{Offset, Partition, Revision};
use weir::store::{AuditStore, ReportStore, StoreError, WindowRows, WindowsWanted};

use super::{FakeWindows, changes, url};

/// The store.
pub(super) struct ReadOnly {
    pub(super) windows: FakeWindows,
    /// How often windows were read.
    pub(super) read: Arc<AtomicU64>,
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

    async fn activations(&self, _: u32) -> Result<Vec<Activation>, StoreError> {
        Ok(vec![Activation { partition: Partition(0), first_offset: Offset(7), revision: Revision(4) }])
    }

    async fn rule_changes(&self, rule: &str, limit: u32) -> Result<Vec<RuleChange>, StoreError> {
        if limit == 14 {
            return Err(StoreError::Unavailable(url()));
        }
        Ok(changes::history(rule, limit))
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
