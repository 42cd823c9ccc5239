//! The database's disk is full: the engine waits, says so, and goes on when there is room.

use crate::bed::{Bed, SOON};
use crate::engine::Engine;
use crate::small_disk::SmallDisk;

impl Bed {
    /// While `disk` is full nothing is lost, and `/readyz` says why nothing moves.
    fn waits_for_room(&mut self, engine: &mut Engine, disk: &SmallDisk, says: &[&str], names: &str) {
        disk.fill();
        self.payments.send(4_000);
        let said = self.until_it_says(engine, says);
        println!("/readyz: {said}");
        let log = self.log();
        let line = log.lines().find(|line| line.contains("trying again") && line.contains(names));
        println!("log: {}", line.unwrap_or_else(|| panic!("{names:?} is not in the log:\n{}", engine.said())));
        engine.runs();
        disk.free();
    }
}

#[test]
fn a_full_disk_under_sqlite_is_waited_for_and_nothing_is_lost() {
    let mut bed = Bed::new("full_sqlite");
    let disk = SmallDisk::new("4m");
    bed.change("${WEIR_SINK}", &format!("sqlite://{}/weir.db", disk.path().display()));
    bed.payments.send(400);
    let mut engine = bed.start();
    bed.until_committed(&mut engine);
    bed.waits_for_room(&mut engine, &disk, &["a checkpoint does not get through"], "full");
    bed.until_committed(&mut engine);
    bed.until_ready(&mut engine);
    assert_eq!(bed.windows_of_the_api(), bed.payments.windows);
    engine.stop();
    bed.letters_come(|_| 1);

    // And at the start: it says so and ends, or waits.
    let mut engine = bed.start();
    bed.payments.send(400);
    bed.until_committed(&mut engine);
    assert_eq!(bed.windows_of_the_api(), bed.payments.windows);
    engine.stop();
    bed.letters_come(|_| 1);
    let _ = SOON;
}
