//! What attacks cost in memory, measured over the whole process: each test runs in one of its own.

use std::fs;

use wit_component::StringEncoding;

use crate::hostile_modules::answers::hits;
use crate::hostile_modules::fixture::{BATCH, Fixture, of, only_row_3};
use weir_testkit::guest::{Guest, HITS};
use weir_testkit::process::alone;

/// The resident memory of this process.
struct Resident {
    before: u64,
}

impl Resident {
    fn now() -> Self {
        // 5 sets the peak back to what is resident now.
        fs::write("/proc/self/clear_refs", "5").unwrap();
        Self { before: figure("VmRSS:") }
    }

    /// By how many KiB the peak was above it since.
    fn growth(&self) -> u64 {
        figure("VmHWM:").saturating_sub(self.before)
    }
}

fn figure(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// One worker judges the batch so often beside a good rule; returns what the last one said, and the growth in MiB.
async fn grown(attack: Guest<'_>, batches: usize) -> (Vec<(u32, String)>, u64) {
    let fixture = Fixture::alone().await;
    fixture.publish(attack).await;
    fixture.publish(Guest::good("the_good_rule")).await;
    let mut worker = fixture.worker();
    let resident = Resident::now();
    let mut last = Vec::new();
    for _ in 0..batches {
        let found = worker.judge(&BATCH);
        assert_eq!(of("the_good_rule", &found), only_row_3("BAD"));
        last = of("hostile", &found);
    }
    (last, resident.growth() >> 10)
}

#[tokio::test]
async fn growth_without_bound_ends_at_the_limit() {
    if !alone() {
        return;
    }
    let touch = "(if (local.get $bad) (then
        (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (memory.fill (i32.const 2097152) (i32.const 1) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 2097152)))
        unreachable))";
    let (codes, mib) = grown(Guest::hostile(touch), 20).await;
    assert_eq!(codes, only_row_3("RULE_MEMORY"));
    assert!((8..48).contains(&mib), "{mib} MiB: the rule's own 16 and not much more");
}

#[tokio::test]
async fn a_text_named_many_times_is_not_lifted_many_times() {
    if !alone() {
        return;
    }
    // 20 times 7 MB, or 400,000 hits: 126 MiB were wasmtime to lift as much as it does by default.
    for count in [20, 400_000] {
        // Beyond the list of the hits: the text is zeros, and valid.
        let each = hits(count, HITS * 8, 7_000_000);
        let (codes, mib) = grown(Guest { pages: 240, ..Guest::hostile(&each) }, 5).await;
        assert_eq!(codes, only_row_3("RULE_OUTPUT"));
        assert!(mib < 48, "{count} hits: {mib} MiB");
    }
}

#[tokio::test]
async fn details_that_grow_when_transcoded_stay_bounded() {
    if !alone() {
        return;
    }
    // Units of UTF-16 that take three bytes in UTF-8, as many as a call may return.
    let units = 500_000_u32;
    let start = HITS * 2;
    let each = format!(
        "(if (local.get $bad) (then
           (memory.fill (i32.const {start}) (i32.const 0x20) (i32.const {}))
           (call $detail (local.get $i) (i32.const 0) (i32.const {start}) (i32.const {}))))",
        units * 2,
        units | 1 << 31,
    );
    let attack = Guest { encoding: StringEncoding::CompactUTF16, ..Guest::hostile(&each) };
    let (codes, mib) = grown(attack, 20).await;
    assert_eq!(codes, only_row_3("BAD"), "it is within the limit, so it must be judged to measure anything");
    assert!(mib < 24, "{mib} MiB");
}

#[tokio::test]
async fn instances_dropped_by_the_thousand_leave_nothing_behind() {
    if !alone() {
        return;
    }
    let (codes, mib) = grown(Guest::hostile("(if (local.get $bad) (then unreachable))"), 1_000).await;
    assert_eq!(codes, only_row_3("RULE_TRAP"));
    assert!(mib < 24, "{mib} MiB after 3,000 instances");
}

#[tokio::test]
async fn a_rule_that_leaks_with_every_batch_is_renewed_and_never_blamed() {
    if !alone() {
        return;
    }
    let each = "(if (i32.eqz (local.get $i)) (then
        (if (i32.eq (memory.grow (i32.const 4)) (i32.const -1)) (then unreachable))
        (memory.fill (i32.mul (i32.sub (memory.size) (i32.const 4)) (i32.const 65536)) (i32.const 1) (i32.const 262144))))
      (if (local.get $bad) (then (call $hit (local.get $i) (i32.const 0))))";
    let (codes, mib) = grown(Guest::hostile(each), 500).await;
    assert_eq!(codes, only_row_3("BAD"));
    assert!((8..48).contains(&mib), "{mib} MiB");
}

#[tokio::test]
async fn uploads_that_are_refused_leave_nothing_behind() {
    if !alone() {
        return;
    }
    let fixture = Fixture::alone().await;
    let traps = Guest { describe: "unreachable", ..Guest::good("hostile") }.core();
    let huge = Guest { pages: 65_536, ..Guest::good("hostile") }.core();
    let long = vec![0; 9 << 20];
    fixture.upload(traps.clone()).await.unwrap_err();
    let resident = Resident::now();
    for _ in 0..10 {
        for upload in [&traps, &huge, &long] {
            fixture.upload(upload.clone()).await.unwrap_err();
        }
    }
    let mib = resident.growth() >> 10;
    assert!(mib < 48, "{mib} MiB");
}
