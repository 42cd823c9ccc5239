//! What the worker tells of what keeps it from judging: a service that is away, a right that Kafka refuses.

use std::time::Duration;

use super::Worker;
use super::records::Backlog;
use crate::checkpoint::{Awaited, Obstacle};
use crate::conditions::Severity;
use crate::status::{On, Side, refused};
use crate::worker::machine::Phase;

/// A checkpoint that takes longer is told.
const SLOW: Duration = Duration::from_secs(2);

impl Worker {
    /// Reports what changed of the worker's state. To be called in every round of the loop.
    pub(super) fn tell(&mut self) {
        let obstacle = match (&self.checkpoint, &self.claim) {
            (Some(checkpoint), _) => checkpoint.handle.obstacle(),
            (None, Some(claim)) => claim.handle.obstacle(),
            (None, None) => None,
        };
        if let Some(Obstacle { on, why, .. }) = &obstacle {
            match on {
                Awaited::Store => {}
                Awaited::Consumer => self.refuse(why, Side::Group),
                Awaited::Producer => self.refuse(why, Side::Letters),
            }
        }
        let slow = self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.started.elapsed() > SLOW);
        let at = obstacle.map(|Obstacle { on, what, why }| {
            let on = match on {
                Awaited::Store => On::Database,
                Awaited::Consumer | Awaited::Producer => On::Kafka,
            };
            (on, format!("{what}: {why}"))
        });
        let why = match (self.machine.phase(), at) {
            (_, Some((on, why))) if slow => Some((on, format!("a checkpoint does not get through: {why}"))),
            (_, None) if slow => Some((On::Either, "a checkpoint does not get through".to_owned())),
            (Phase::Claiming(_), Some((on, why))) => Some((on, format!("its partitions cannot be claimed: {why}"))),
            (Phase::Overdue { .. }, _) => {
                Some((On::Group, "the group moved on: a new assignment is waited for".to_owned()))
            }
            _ => self.backlog.as_ref().and_then(Backlog::away).map(|(name, away)| {
                let on = if away.refused { On::Refused(name.clone()) } else { On::Lookup(name.clone()) };
                (on, away.why.clone())
            }),
        };
        self.parts.status.waits.set(self.parts.index, why);
        self.parts.status.lookups.set_away(self.parts.index, self.processor.lookups_away());
        self.overflow.expire(&self.parts.status);
    }

    /// Raises what these words of Kafka mean, if they are such that waiting does not fix them.
    pub(super) fn refuse(&mut self, why: &str, side: Side) {
        if let Some(refused) = refused(why, side, &self.parts.config) {
            let conditions = &self.parts.status.conditions;
            conditions.raise(Severity::NotReady, refused.code, refused.subject.clone(), refused.message);
            self.refused.insert((refused.code, refused.subject), refused.side);
        }
    }

    /// What was refused on this side is allowed again.
    pub(super) fn allowed(&mut self, over: &[Side]) {
        if self.refused.is_empty() {
            return;
        }
        let conditions = &self.parts.status.conditions;
        self.refused.retain(|(code, subject), side| {
            let stays = !over.contains(side);
            if !stays {
                conditions.clear(code, subject);
            }
            stays
        });
    }
}
