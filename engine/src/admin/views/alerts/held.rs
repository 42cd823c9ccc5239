//! What the reader of the alert topic holds: filtered, grouped, and up to a mark, so that somebody can look at a list that stands
//! still while more come.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{AlertGroupView, AlertView, AlertsView, GroupBy};
use crate::admin::views::rfc3339;
use crate::model::seen_alert::{Flagged, Says, SeenAlert};

/// Groups of an answer, at most; further ones are counted.
const GROUPS: usize = 50;

/// What the reader of the alert topic holds in memory.
#[derive(Clone, Debug, Default)]
pub struct AlertsHeld {
    /// Names this reading of the topic. That of another instance, after a restart, or after a while in which nobody looked, counts anew.
    pub run: i64,
    /// When the topic was read last, in epoch milliseconds; None: it was not yet.
    pub as_of: Option<i64>,
    /// Messages that were read.
    pub read: u64,
    /// Offsets that were passed over unread, as more came than are read.
    pub passed_over: u64,
    /// Why the topic can't be read now; None: it can.
    pub problem: Option<String>,
    /// The newest of them, newest first.
    pub alerts: Vec<Arc<SeenAlert>>,
}

/// Which of them are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertsWanted {
    /// Alerts of an answer, at most.
    pub limit: usize,
    /// Only those that a hit with this code made, and summaries that count it.
    pub code: Option<String>,
    /// Only those with a hit of this rule.
    pub rule: Option<String>,
    /// Only those with this key.
    pub key: Option<String>,
    /// What groups have in common.
    pub by: GroupBy,
    /// Only what was read up to this mark.
    pub until: Option<Mark>,
}

/// A place in what a reader has read. Written as `RUN-NUMBER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    run: i64,
    number: u64,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.run, self.number)
    }
}

/// The text was no mark.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no mark of an answer")]
pub struct NotAMark(String);

impl FromStr for Mark {
    type Err = NotAMark;

    fn from_str(text: &str) -> Result<Self, NotAMark> {
        let parse = || {
            let (run, number) = text.split_once('-')?;
            Some(Self { run: run.parse().ok()?, number: number.parse().ok()? })
        };
        parse().ok_or_else(|| NotAMark(text.to_owned()))
    }
}

impl AlertsView {
    /// What of the held alerts is wanted.
    pub fn of(held: &AlertsHeld, wanted: &AlertsWanted) -> Self {
        let until = wanted.until.filter(|mark| mark.run == held.run).map(|mark| mark.number.min(held.read));
        let mark = Mark { run: held.run, number: until.unwrap_or(held.read) };
        let held_then: Vec<_> = held.alerts.iter().filter(|alert| alert.number <= mark.number).collect();
        let is_wanted = |alert: &&&Arc<SeenAlert>| {
            wanted.code.as_ref().is_none_or(|code| alert.has_code(code))
                && wanted.rule.as_ref().is_none_or(|rule| alert.has_rule(rule))
                && wanted.key.as_ref().is_none_or(|key| alert.key.as_ref() == Some(key))
        };
        let matching: Vec<&SeenAlert> = held_then.iter().filter(is_wanted).map(|alert| &***alert).collect();
        let (groups, more_groups) = groups(&matching, wanted.by);
        let not_sent = matching.iter().map(|alert| match &alert.says {
            Says::NotSent(not_sent) => not_sent.records,
            Says::Flagged(_) | Says::Other(_) => 0,
        });
        Self {
            as_of: held.as_of.map(rfc3339),
            problem: held.problem.clone(),
            mark: mark.to_string(),
            paused: until.is_some(),
            newer: held.read - mark.number,
            read: mark.number,
            held: held_then.len() as u64,
            passed_over: held.passed_over,
            matching: matching.iter().filter(|alert| matches!(alert.says, Says::Flagged(_))).count() as u64,
            not_sent: not_sent.sum(),
            by: wanted.by,
            groups,
            more_groups,
            alerts: matching.iter().take(wanted.limit).map(|alert| AlertView::from(*alert)).collect(),
            hidden: None,
        }
    }
}

/// A group while it is counted, newest alerts first.
struct Group<'a> {
    alerts: u64,
    newest: &'a SeenAlert,
    oldest: &'a SeenAlert,
    codes: BTreeMap<&'a str, u64>,
}

/// The largest of the groups, and how many others there are.
fn groups(matching: &[&SeenAlert], by: GroupBy) -> (Vec<AlertGroupView>, u64) {
    let mut groups: BTreeMap<Option<&str>, Group<'_>> = BTreeMap::new();
    for &alert in matching {
        let Says::Flagged(flagged) = &alert.says else { continue };
        let codes = codes(flagged);
        let names = match by {
            GroupBy::Key => vec![alert.key.as_deref()],
            GroupBy::Code => codes.iter().map(|code| Some(*code)).collect(),
        };
        for name in names {
            let new = || Group { alerts: 0, newest: alert, oldest: alert, codes: BTreeMap::new() };
            let group = groups.entry(name).or_insert_with(new);
            group.alerts += 1;
            group.oldest = alert;
            codes.iter().for_each(|code| *group.codes.entry(code).or_default() += 1);
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, group)| (Reverse(group.alerts), Reverse(group.newest.number)));
    let more = groups.len().saturating_sub(GROUPS) as u64;
    let view = |(name, group): (Option<&str>, Group<'_>)| AlertGroupView {
        name: name.map(str::to_owned),
        alerts: group.alerts,
        first: rfc3339(group.oldest.written),
        last: rfc3339(group.newest.written),
        codes: group.codes.into_iter().map(|(code, alerts)| (code.to_owned(), alerts)).collect(),
        newest: AlertView::from(group.newest),
    };
    (groups.into_iter().take(GROUPS).map(view).collect(), more)
}

/// Each code once.
fn codes(flagged: &Flagged) -> Vec<&str> {
    let mut codes: Vec<_> = flagged.hits.iter().map(|hit| hit.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[cfg(test)]
mod tests;
