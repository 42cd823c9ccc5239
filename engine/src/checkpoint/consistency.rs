//! What stops a partition: statements of the store, the group and the log that cannot all be true
//! (docs/protocol.md#what-stops-a-partition), and letters that cannot be read. Each text names the figures and the ways
//! out, which docs/operations.md spells out. Pure.

use crate::model::checkpoint::Claimed;
use crate::model::ids::Offset;
use crate::outbox::format;

/// What the store and the group say that cannot both be true.
pub(super) fn contradiction(claimed: &Claimed, k: Option<Offset>) -> Option<String> {
    match (claimed.next_offset, k) {
        (None, Some(k)) => Some(format!(
            "the group has committed {k}, but the store never saw the partition: its data was lost, or the group was \
             used by something else. Restore the store, use another `source.group`, or delete the group's offset to \
             start where `source.start` says (dead letters before {k} then come twice)"
        )),
        (Some(n), Some(k)) if k > n => Some(format!(
            "the group has committed {k}, past the position in the store, {n}: another program (a console consumer) read with \
             this group, or the store lost checkpoints or was restored from an older backup. Give that program a group of \
             its own, or restore the newer store; then reset the group to {n} to judge from there again (dead letters that \
             the engine sent from {n} to {k} then come twice)"
        )),
        (Some(n), Some(k)) if claimed.published.is_some_and(|p| k < p) => Some(format!(
            "the group has committed {k}, but letters before {} are in Kafka already: the group's offset was set back. \
             Reset it to {}",
            claimed.published.expect("just compared"),
            back(claimed, n)
        )),
        (Some(n), None) if claimed.published.is_some() || !claimed.outbox.is_empty() => Some(format!(
            "the group has no committed offset, but the position in the store is {n}, with {} outbox chunks: the group's \
             offsets expired, or the topic was made anew. If the topic is the same, reset the group to {}; else forget the \
             position (docs/operations.md), or use another `pipeline.name` and `sink.table`",
            claimed.outbox.len(),
            back(claimed, n)
        )),
        _ => None,
    }
}

/// The offset that the group has to be reset to. Nobody can tell any more whether what the outbox holds is in Kafka: from N it would
/// be taken for published and deleted, and letters that come twice are better than none.
fn back(claimed: &Claimed, n: Offset) -> String {
    match claimed.outbox.first() {
        None => n.to_string(),
        Some(first) => format!(
            "{} (the {} outbox chunks are then published, a second time if they were before)",
            claimed.published.unwrap_or(first.first_offset),
            claimed.outbox.len()
        ),
    }
}

/// The first outbox chunk that cannot be read; it would be met at every try, and the worker's other partitions with it.
pub(super) fn damaged(claimed: &Claimed) -> Option<String> {
    claimed.outbox.iter().find_map(|chunk| {
        let why = format::check(&chunk.letters).err()?;
        Some(format!(
            "the row of weir_outbox with first_offset {} and chunk {}, {} bytes, cannot be published: {why}. If another \
             version of Weir wrote it, let that one publish it; else restore the row, or delete it to go on without its \
             dead letters, whose records are in the topic from {0} on",
            chunk.first_offset,
            chunk.chunk,
            chunk.letters.len(),
        ))
    })
}

/// The log does not hold N.
pub(super) fn outside(n: Offset, low: Offset, high: Offset) -> String {
    format!(
        "the position in the store is {n}, but the log holds {low} to {high}: records were deleted before they were judged, \
         or the topic was made anew. Move the position by hand to go on (docs/operations.md), or use another \
         `pipeline.name` and `sink.table`"
    )
}
