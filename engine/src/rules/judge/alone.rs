//! Narrows the blame for a batch that failed to single rows. Only a row that fails alone, on an instance that has judged
//! nothing else, is at fault; the search has a bound, for every row may be slow and every one may fail.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::account::Account;
use super::findings::{keep, lacking};
use super::instances::{Details, Instances};
use super::verdict::Verdict;
use crate::model::record::Column;
use crate::rules::contract::guest;
use crate::rules::live::LiveRule;
use crate::rules::runtime::Failure;

/// Rows that may fail alone before the rest is failed unasked.
pub(super) const CULPRITS: usize = 8;
/// How long the rows of a batch may be asked one by one, whether they fail or pass: 2,000 rows that pass just within
/// the time-out of a call would hold the worker for minutes.
const SEARCH: Duration = Duration::from_secs(1);

/// Judges row by row. `whole` is how the batch failed: the rest shares it if the time runs out before any row failed.
pub(super) fn row_by_row(
    instances: &mut Instances,
    (account, rule, details): (&Account, &Arc<LiveRule>, Details),
    columns: &[&Column],
    rows: usize,
    whole: &Failure,
    verdict: &mut Verdict,
) {
    let began = Instant::now();
    // What the rule does not apply to is decided already, and never its fault.
    for row in (0..rows).filter(|&row| lacking(rule, columns, row).is_none()) {
        if verdict.halted(rule) {
            return;
        }
        if verdict.rest.is_none() {
            verdict.rest = past_the_bound(verdict, began.elapsed(), whole);
        }
        let answer = match &verdict.rest {
            Some(unasked) => Err(unasked.clone()),
            None => alone(instances, (rule, details), columns, row),
        };
        match answer {
            Ok(hits) => {
                keep((account, rule), columns, hits, row, verdict);
                verdict.good += 1;
            }
            Err(failure) => verdict.fail(account, rule, row, failure),
        }
    }
}

/// The failure of all rows that follow, once no more of them are asked.
fn past_the_bound(verdict: &Verdict, took: Duration, whole: &Failure) -> Option<Failure> {
    let why = match verdict.failed {
        CULPRITS.. => format!("{CULPRITS} rows of its batch had failed before"),
        _ if took > SEARCH => format!("its batch had been judged row by row for {} ms", took.as_millis()),
        _ => return None,
    };
    let Failure { code, message } = verdict.first.as_ref().map_or(whole, |(_, failure)| failure);
    Some(Failure { code, message: format!("not judged, {why}: {message}") })
}

fn alone(
    instances: &mut Instances,
    (rule, details): (&Arc<LiveRule>, Details),
    columns: &[&Column],
    row: usize,
) -> Result<Vec<guest::Hit>, Failure> {
    let alone: Vec<Column> = columns.iter().map(|column| only(column, &[row as u32])).collect();
    let alone: Vec<&Column> = alone.iter().collect();
    let used = instances.used(rule);
    match instances.call(rule, &alone, 1, details) {
        // The rows before may have used up the instance's memory, and a worker that was not scheduled loses an honest
        // call: neither is the row's fault.
        Err(failure) if used || failure.code == "RULE_TIMEOUT" => instances.call(rule, &alone, 1, details),
        answer => answer,
    }
}

/// These rows of a column, as a column.
pub(super) fn only(column: &Column, rows: &[u32]) -> Column {
    let mut some = Column::new(column.kind());
    for &row in rows {
        some.push(column.get(row as usize));
    }
    some
}
