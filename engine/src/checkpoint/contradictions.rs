//! What stops a partition: statements of the store, the group and the log that cannot all be true (FACTS C4). Each text
//! names the figures and the ways out. Pure.

use crate::model::ids::Offset;
use crate::model::step::Taken;

/// What the store and the group say that cannot both be true.
pub(super) fn contradiction(taken: &Taken, k: Option<Offset>) -> Option<String> {
    let letters = taken.outbox.len();
    match (taken.next_offset, k) {
        (None, Some(k)) => Some(format!(
            "the group has committed {k}, but the store never saw the partition: its data was lost, or the group was \
             used by something else. Restore the store, use another `source.group`, or delete the group's offset to \
             start where `source.start` says"
        )),
        (Some(n), Some(k)) if k > n => Some(format!(
            "the group has committed {k}, past the store's {n}: the store lost checkpoints or was restored from an \
             older backup. Restore the newer store, or reset the group to {n} to judge from there again (dead letters \
             from {n} to {k} then come twice)"
        )),
        (Some(n), Some(k)) if taken.published.is_some_and(|p| k < p) => Some(format!(
            "the group has committed {k}, but letters before {} are in Kafka already: the group's offset was set back. \
             Reset it to {n}",
            taken.published.expect("just compared")
        )),
        (Some(n), None) if taken.published.is_some() || letters > 0 => Some(format!(
            "the group has no committed offset, but the store stands at {n} with {letters} outbox chunks: the group's \
             offsets expired, or the topic was made anew. If the topic is the same, reset the group to {n}; else \
             forget the position (docs/operations.md), or use another `pipeline.name`"
        )),
        _ => None,
    }
}

/// The log does not hold N.
pub(super) fn outside(n: Offset, low: Offset, high: Offset) -> String {
    format!(
        "the store stands at {n}, but the log holds {low} to {high}: records were deleted before they were judged, or \
         the topic was made anew. Move the position by hand to go on (docs/operations.md), or use another `pipeline.name`"
    )
}
