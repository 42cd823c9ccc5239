//! What only JSON needs: where values stand in a text, and templates of texts that look alike.

pub(super) mod locate;
mod scan;
pub(super) mod template;
