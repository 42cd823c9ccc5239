//! The same turns under callgrind, which collects only within [`counted_here`]: neither setting up nor the first lap, in
//! which buffers grow and instances are made, is in the count.

use std::hint::black_box;

use crate::{Case, Turn};

pub(crate) fn list(cases: &[Case]) {
    cases.iter().for_each(|case| println!("{}", case.name));
}

/// Prints how many records the counted lap has.
pub(crate) fn count(cases: &[Case], name: &str) {
    let case = cases.iter().find(|case| case.name == name).expect("one of the names that `count` lists");
    let mut turn = (case.make)();
    run(&mut turn, case.lap);
    counted_here(&mut turn, case.lap);
    println!("{}", case.records * case.lap);
}

fn run(turn: &mut Turn, turns: usize) {
    (0..turns).for_each(|_| turn());
}

/// bench/instructions names it to callgrind.
#[inline(never)]
fn counted_here(turn: &mut Turn, turns: usize) {
    run(turn, turns);
    // Else the last call would be a jump, and callgrind would not see this function's end.
    black_box(());
}
