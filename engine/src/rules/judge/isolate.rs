//! Narrows the blame for a batch that failed to single rows. Only a row that fails alone, on an instance that has judged
//! nothing else, is at fault; the search has a bound, for every row may be slow and every one may fail.

use std::time::Duration;

use super::breaker::MAX_FAILING_ROWS;
use super::findings::{fail, keep, lacking};
use super::instances::{Caller, Details, Instances, Placed};
use super::state::{RuleState, SEARCHES};
use super::verdict::Verdict;
use crate::model::catalog::Mode;
use crate::model::record::Column;
use crate::rules::live::LiveRule;
use crate::rules::module::contract::guest;
use crate::rules::module::cpu;
use crate::rules::module::runtime::Failure;

/// Processor time in which the rows of a batch may be asked one by one, whether they fail or pass: 2,000 rows that pass just
/// within the time-out of a call would hold the worker for minutes.
const SEARCH: Duration = Duration::from_secs(1);
/// The same for a shadow rule: nothing comes of what is found but a figure, and live flow waits.
const SHADOW_SEARCH: Duration = Duration::from_millis(50);

/// How long this rule's search may take, of what a minute's budget has left.
pub(super) fn bound(rule: &LiveRule, left: Duration) -> Duration {
    left.min(if rule.mode == Mode::Shadow { SHADOW_SEARCH } else { SEARCH })
}

/// Judges row by row within this bound. Given up when the caller says so. `whole` is how the batch failed: the rest
/// shares it if the time runs out before any row failed. Returns the processor time that it took.
pub(super) fn row_by_row(
    instances: &mut Instances,
    (state, placed, details): (&RuleState, Placed<'_>, Details),
    (columns, rows): (&[&Column], usize),
    (whole, bound): (&Failure, Duration),
    caller: &mut Caller<'_>,
    verdict: &mut Verdict,
) -> Duration {
    let Placed { rule, .. } = placed;
    let (began, mut took) = (cpu::thread(), Duration::ZERO);
    // What the rule does not apply to is decided already, and never its fault.
    for row in (0..rows).filter(|&row| lacking(rule, columns, row).is_none()) {
        if verdict.halted(rule) {
            break;
        }
        if verdict.rest.is_none() {
            instances.given_up |= (caller.until)();
            took = cpu::thread().saturating_sub(began);
            verdict.rest = past_the_bound(verdict, (took, bound), whole);
        }
        if instances.given_up {
            break;
        }
        let answer = match &verdict.rest {
            Some(unasked) => Err(unasked.clone()),
            None => one_row(instances, (placed, details), columns, row, caller),
        };
        match answer {
            Ok(hits) => {
                keep((state, rule), columns, hits, row, verdict);
                verdict.good += 1;
            }
            Err(_) if instances.given_up => break,
            Err(failure) => fail(state, rule, row, failure, verdict),
        }
    }
    took
}

/// The failure of all rows that follow, once no more of them are asked.
fn past_the_bound(verdict: &Verdict, (took, bound): (Duration, Duration), whole: &Failure) -> Option<Failure> {
    let why = match verdict.failed {
        MAX_FAILING_ROWS.. => format!("{MAX_FAILING_ROWS} rows of its batch had failed before"),
        _ if bound.is_zero() => format!("batches had been judged row by row for {SEARCHES:?} within a minute"),
        _ if took > bound => format!("its batch had been judged row by row for {} ms", took.as_millis()),
        _ => return None,
    };
    let Failure { code, message } = verdict.first.as_ref().map_or(whole, |(_, failure)| failure);
    Some(Failure { code, message: format!("not judged, {why}: {message}") })
}

fn one_row(
    instances: &mut Instances,
    (placed, details): (Placed<'_>, Details),
    columns: &[&Column],
    row: usize,
    caller: &mut Caller<'_>,
) -> Result<Vec<guest::Hit>, Failure> {
    let alone: Vec<Column> = columns.iter().map(|column| only(column, &[row as u32])).collect();
    let alone: Vec<&Column> = alone.iter().collect();
    let used = instances.used(placed);
    match instances.call(placed, &alone, 1, details, caller) {
        // The rows before may have used up the instance's memory: not the row's fault.
        Err(_) if used && !instances.given_up => instances.call(placed, &alone, 1, details, caller),
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
