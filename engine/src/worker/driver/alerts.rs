//! The alerts of the batches that a worker judges: how many the checkpoint that is being built has room for, and what each says of
//! its record. A record that gets none costs nothing here.

use std::sync::Arc;

use metrics::Counter;

use super::alert_fields::AlertFields;
use super::hits::listed;
use crate::checkpoint::{AlertBudget, CheckpointBuilder};
use crate::config::{self, Beyond, Config};
use crate::model::alert::{Alert, AlertHit};
use crate::model::ids::{Partition, Sha256};
use crate::model::letter::{Cut, Source};
use crate::model::record::{Batch, FieldId, Schema};
use crate::processor::{AlertCodes, AlertRoom, Alerted};
use crate::rules::LiveSet;

/// A worker's part of `[alerts]`.
pub(super) struct AlertWriter {
    config: config::Alerts,
    codes: Arc<AlertCodes>,
    fields: AlertFields,
    counts: AlertCounts,
}

impl AlertWriter {
    /// None: there is no `[alerts]`.
    pub(super) fn new(config: &Config, schema: &Arc<Schema>) -> anyhow::Result<Option<Self>> {
        let Some(alerts) = config.alerts.clone() else { return Ok(None) };
        let codes = Arc::new(AlertCodes::new(&alerts.codes));
        let max_record = usize::try_from(config.source.max_record.as_u64())?;
        Ok(Some(Self {
            fields: AlertFields::new(schema.clone(), &alerts.fields, max_record),
            counts: AlertCounts::new(&codes),
            codes,
            config: alerts,
        }))
    }

    /// The codes whose hits make an alert.
    pub(super) fn codes(&self) -> Arc<AlertCodes> {
        self.codes.clone()
    }

    /// Fields that a lookup has to be asked for, whether a rule reads them or not.
    pub(super) fn of_lookups(&self) -> Vec<FieldId> {
        self.fields.of_lookups()
    }

    /// How many more alerts of this partition the checkpoint takes.
    pub(super) fn room(&self, pending: &CheckpointBuilder, partition: Partition) -> AlertRoom {
        let room = pending.alert_room(partition, self.config.budget) as usize;
        match self.config.beyond {
            Beyond::Count => AlertRoom::Explained(room),
            Beyond::Wait => AlertRoom::AtMost(room),
        }
    }

    /// Adds the alert of a record to the checkpoint, which counts it if it has no room.
    pub(super) fn add(
        &mut self,
        pending: &mut CheckpointBuilder,
        source: &Source<'_>,
        (alerted, batch): (&Alerted<'_>, &Batch),
        set: &LiveSet,
    ) {
        let budget = AlertBudget { topic: &self.config.topic, most: self.config.budget };
        if pending.alert_room(batch.partition, budget.most) > 0 {
            self.fields.read(source, alerted.row as usize, batch);
        }
        let (config, fields) = (&self.config, &self.fields);
        let hit = self.codes.iter().enumerate();
        let hit = hit.filter(|(_, code)| alerted.hits.iter().any(|hit| *hit.code == **code));
        let codes = hit.clone().map(|(_, code)| code);
        let sent = pending.alert((batch.partition, source.offset), budget, codes, || {
            let mut hits = Vec::with_capacity(alerted.hits.len());
            let more = listed(alerted.hits, |finding| {
                let (rule, sha256) = (&finding.rule.name, finding.rule.sha256);
                let (code, detail) = (&finding.code, &finding.detail);
                hits.push(AlertHit { rule, version: version(set, sha256), sha256, code, detail });
            });
            Alert {
                offset: source.offset,
                timestamp: source.timestamp,
                key: source.key,
                value: source.value.filter(|_| config.value),
                cut: Cut::default(),
                revision: set.revision,
                hits,
                more,
                fields: fields.list(),
            }
        });
        match sent {
            true => hit.for_each(|(place, _)| self.counts.sent[place].1 += 1),
            false => self.counts.not_sent.1 += 1,
        }
    }

    /// Adds what was counted to the metrics.
    pub(super) fn tell(&mut self) {
        self.counts.tell();
    }
}

/// What the manifest of a module of the set states.
fn version(set: &LiveSet, sha256: Sha256) -> &str {
    let rule = set.rules.iter().find(|rule| rule.id.sha256 == sha256);
    rule.map_or("", |rule| rule.manifest.version.as_str())
}

/// Alerts by code, and those that were not sent, since they were last told. Counted a batch at a time.
struct AlertCounts {
    /// By the places of the codes.
    sent: Vec<(Counter, u64)>,
    not_sent: (Counter, u64),
}

impl AlertCounts {
    fn new(codes: &AlertCodes) -> Self {
        let counter = |code: &str| metrics::counter!("weir_alerts_total", "code" => code.to_owned());
        Self {
            sent: codes.iter().map(|code| (counter(code), 0)).collect(),
            not_sent: (metrics::counter!("weir_alerts_not_sent_total"), 0),
        }
    }

    fn tell(&mut self) {
        for (counter, count) in self.sent.iter_mut().chain([&mut self.not_sent]).filter(|(_, count)| *count > 0) {
            counter.increment(std::mem::take(count));
        }
    }
}
