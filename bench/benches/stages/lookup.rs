//! The lookup of a customer's segment, where the cache knows every customer of the batch: planning it, and filling the
//! column. Nearly every row has a key of its own.

use std::time::{Duration, Instant};

use weir::enrich::Query;
use weir::enrich::lookup::Lookups;

use crate::inputs::{self, Payments, RECORDS, ROWS, ids, plain};
use crate::{Case, Turn, redis};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("lookup cached", ROWS, RECORDS / ROWS, turn)]
}

fn turn() -> Turn {
    weir::telemetry::metrics();
    let schema = inputs::schema();
    let needed = ids(&schema, &["customer.segment"]);
    let mut batches = inputs::batches(&schema, &inputs::records(Payments::Good, plain), ROWS);
    let mut tables = inputs::config().lookup;
    let customer = tables.get_mut("customer").unwrap();
    customer.url = redis::start().into();
    customer.timeout = Duration::from_secs(60); // valgrind is slow
    let mut lookups = Lookups::new(&tables, schema).unwrap();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let now = Instant::now(); // it stands still, so nothing in the cache grows old
    for batch in &mut batches {
        let plan = lookups.plan(batch, &needed, now);
        let answers = tokio.block_on(plan.fetch()).unwrap();
        batch.columns[needed[0].0].clear();
        lookups.apply(plan, Some(answers), batch, now);
    }
    let mut at = 0;
    Box::new(move || {
        let batch = &mut batches[at];
        batch.columns[needed[0].0].clear();
        let plan = lookups.plan(batch, &needed, now);
        assert!(plan.is_complete());
        lookups.apply(plan, None, batch, now);
        assert!(batch.column(needed[0]).all_present());
        at = (at + 1) % batches.len();
    })
}
