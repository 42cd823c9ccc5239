//! Pages read and act without scripts.

use crate::console::{stranger, swap};

#[test]
fn everything_is_read_and_done_without_scripts() {
    stranger::is_found_without_scripts();
    swap::is_done_without_scripts();
}
