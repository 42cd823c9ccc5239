//! Results that do not lift: addresses, lengths, alignments, encodings and discriminants that are wrong. In `judge` they
//! cost the row, whenever they come; in what a publish asks they refuse the module.

use wit_component::StringEncoding;

use crate::hostile_modules::fixture::{Fixture, codes, judged, only_row_3, refused};
use weir_testkit::guest::{ATTACK, Guest, HITS};

/// `judge` answers with a list at this address of this length, at `area`.
fn list(area: u32, at: u32, length: u32) -> String {
    format!("(call $put (i32.const {area}) (i32.const {at}) (i32.const {length})) (i32.const {area})")
}

#[tokio::test]
async fn a_list_that_is_not_there_costs_its_row() {
    let cases = [
        ("the return area out of range", "(i32.const 0xfffffff0)".to_owned()),
        ("the return area misaligned", list(65, HITS, 1)),
        ("the list out of range", list(64, 0x7fff_ff00, 1)),
        ("the list's end out of range", list(64, (4 << 20) - 16, 2)),
        ("a list at the very end of addresses", list(64, 0xffff_fff0, 1)),
        ("the list misaligned", list(64, HITS + 1, 1)),
        ("a length of 2^31", list(64, HITS, 1 << 31)),
        ("a length of 2^32 - 1", list(64, HITS, u32::MAX)),
        ("a length that overflows times 16", list(64, HITS, 0x1000_0001)),
        // Legal, and garbage: the row is the list's own address.
        ("a list over its own return area", list(64, 64, 1)),
    ];
    for (what, answer) in cases {
        let attack = Guest { answer: &answer, ..Guest::hostile(ATTACK) };
        assert_eq!(codes(attack).await, only_row_3("RULE_OUTPUT"), "{what}");
    }
}

/// A rule whose hit on a bad row has this detail, with these bytes at 8,000.
async fn detail(encoding: StringEncoding, bytes: &str, at: u32, length: u32) -> Vec<(u32, String)> {
    let each = format!(
        "(if (local.get $bad) (then (call $detail (local.get $i) (i32.const 0) (i32.const {at}) (i32.const {length}))))"
    );
    let more = format!(r#"(data (i32.const 8000) "{bytes}")"#);
    codes(Guest { more: &more, encoding, ..Guest::hostile(&each) }).await
}

#[tokio::test]
async fn a_detail_that_is_no_text_costs_its_row() {
    use StringEncoding::UTF8;
    let cases = [
        ("out of range", "", 0x1000_0000, 10),
        ("its end out of range", "", (4 << 20) - 5, 10),
        ("2^31 bytes", "", 8_000, 1 << 31),
        ("2^32 - 1 bytes", "", 8_000, u32::MAX),
        ("not UTF-8", r"\ff\fe", 8_000, 2),
        ("cut within a character", r"\e2\82", 8_000, 2),
        ("a surrogate in UTF-8", r"\ed\a0\80", 8_000, 3),
    ];
    for (what, bytes, at, length) in cases {
        assert_eq!(detail(UTF8, bytes, at, length).await, only_row_3("RULE_OUTPUT"), "{what}");
    }
    assert_eq!(detail(UTF8, r"\e2\82\ac", 8_000, 3).await, only_row_3("BAD"), "a good one");
}

#[tokio::test]
async fn a_detail_in_another_encoding_is_checked_as_well() {
    use StringEncoding::CompactUTF16;
    // In this encoding the length's highest bit says UTF-16, else it is Latin-1.
    let utf16 = 1 << 31;
    let cases = [
        ("a lone surrogate", r"\00\d8", 8_000, 1 | utf16),
        ("misaligned", r"\00\00\00\00", 8_001, 1 | utf16),
        ("its end out of range", "", (4 << 20) - 4, 3 | utf16),
        ("2^31 - 1 units", "", 8_000, u32::MAX),
    ];
    for (what, bytes, at, length) in cases {
        assert_eq!(detail(CompactUTF16, bytes, at, length).await, only_row_3("RULE_OUTPUT"), "{what}");
    }
    assert_eq!(detail(CompactUTF16, r"\ac\20", 8_000, 1 | utf16).await, only_row_3("BAD"), "a good one");
    assert_eq!(detail(CompactUTF16, r"\e9", 8_000, 1).await, only_row_3("BAD"), "Latin-1");
}

#[tokio::test]
async fn a_failure_after_the_answer_costs_its_row() {
    for (what, code) in [("unreachable", "RULE_TRAP"), ("(loop (br 0))", "RULE_TIMEOUT")] {
        let more = format!(
            r#"(func (export "cabi_post_weir:rule/guest@0.1.0#judge") (param i32)
                 (if (global.get $attack) (then {what})))"#
        );
        let attack = Guest { more: &more, ..Guest::hostile(ATTACK) };
        assert_eq!(codes(attack).await, only_row_3(code), "{what}");
    }
}

/// Ways not to give the memory that is asked for, and the code that each is.
const NOT_GIVEN: [(&str, &str); 7] = [
    ("(return (i32.const 0xfffffff0))", "RULE_OUTPUT"),
    ("(return (i32.const 0x7ffffff8))", "RULE_OUTPUT"),
    ("(return (i32.const 65537))", "RULE_OUTPUT"),
    ("unreachable", "RULE_TRAP"),
    ("(call $deep)", "RULE_TRAP"),
    ("(loop (br 0))", "RULE_TIMEOUT"),
    ("(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable", "RULE_MEMORY"),
];

#[tokio::test]
async fn memory_that_is_never_given_for_rows_is_refused() {
    for (realloc, code) in NOT_GIVEN {
        // Only columns of rows are lists of 8 bytes that are not empty.
        let on_rows = format!(
            "(if (i32.and (i32.eq (local.get 2) (i32.const 8)) (i32.gt_u (local.get 3) (i32.const 0))) (then {realloc}))"
        );
        let why = refused(Guest { realloc: &on_rows, ..Guest::good("hostile") }.core()).await;
        assert!(why.contains(code), "{realloc}: {why}");
    }
}

#[tokio::test]
async fn memory_that_is_not_given_for_a_batch_is_no_rows_fault() {
    for (realloc, _) in NOT_GIVEN {
        // Four rows of 8 bytes: what a publish tries are one and five.
        let on_four = format!(
            "(if (i32.and (i32.eq (local.get 2) (i32.const 8)) (i32.eq (local.get 3) (i32.const 32))) (then {realloc}))"
        );
        let attack = Guest { realloc: &on_four, ..Guest::good("hostile") };
        assert_eq!(codes(attack).await, only_row_3("BAD"), "{realloc}");
    }
}

#[tokio::test]
async fn memory_given_twice_harms_nobody_else() {
    // Legal, and what the rule reads is garbage: its own affair, whether it gets through its publish or not.
    let attack = Guest { realloc: "(return (i32.const 65536))", ..Guest::good("hostile") };
    let fixture = Fixture::new().await;
    let _ = fixture.upload(attack.core()).await;
    judged(&fixture).await;
}

/// What a manifest is refused for.
async fn describing(statements: &str) -> String {
    refused(Guest { describe: statements, ..Guest::good("hostile") }.core()).await
}

#[tokio::test]
async fn a_manifest_that_does_not_lift_is_refused() {
    let cases = [
        ("a kind that there is not", "(i32.store8 (i32.const 1220) (i32.const 6))"),
        ("a kind of 255", "(i32.store8 (i32.const 1220) (i32.const 255))"),
        ("an effect that there is not", "(i32.store8 (i32.const 1316) (i32.const 2))"),
        ("a name out of range", "(i32.store (i32.const 2000) (i32.const 0x7fffffff))"),
        ("a name of 2^32 - 1 bytes", "(i32.store (i32.const 2004) (i32.const -1))"),
        ("a name of a mebibyte", "(i32.store (i32.const 2004) (i32.const 0x100000))"),
        ("a name that is no text", "(i32.store8 (i32.const 1024) (i32.const 255))"),
        ("2^32 - 1 fields", "(i32.store (i32.const 2028) (i32.const -1))"),
        ("100,000 fields", "(i32.store (i32.const 2028) (i32.const 100000))"),
        ("fields misaligned", "(i32.store (i32.const 2024) (i32.const 1213))"),
        ("2^31 codes", "(i32.store (i32.const 2036) (i32.const 0x80000000))"),
        ("parameters out of range", "(call $put (i32.const 2040) (i32.const 0xfffffff0) (i32.const 1))"),
        ("the manifest out of range", "(return (i32.const 0xfffffff0))"),
        ("the manifest misaligned", "(return (i32.const 2001))"),
    ];
    for (what, statements) in cases {
        let why = describing(statements).await;
        assert!(why.contains("describe does not keep the contract"), "{what}: {why}");
    }
}

#[tokio::test]
async fn a_describe_that_fails_is_refused() {
    for (statements, code) in [
        ("unreachable", "RULE_TRAP"),
        ("(call $deep)", "RULE_TRAP"),
        ("(loop (br 0))", "RULE_TIMEOUT"),
        ("(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable))", "RULE_MEMORY"),
    ] {
        let why = describing(statements).await;
        assert!(why.contains(&format!("describe failed: {code}")), "{statements}: {why}");
    }
}

#[tokio::test]
async fn a_failure_after_the_manifest_or_the_configuration_is_refused() {
    for export in ["describe", "configure"] {
        let more = format!(r#"(func (export "cabi_post_weir:rule/guest@0.1.0#{export}") (param i32) unreachable)"#);
        let why = refused(Guest { more: &more, ..Guest::good("hostile") }.core()).await;
        assert!(why.contains("RULE_TRAP"), "{export}: {why}");
    }
}

#[tokio::test]
async fn a_configure_that_fails_is_refused() {
    let error = |at: u32, length: u32| {
        format!(
            "(i32.store8 (i32.const 3000) (i32.const 1)) (call $put (i32.const 3004) (i32.const {at}) (i32.const {length}))"
        )
    };
    for (statements, words) in [
        (error(1_100, 6), "configure refused: amount"),
        (error(0, 1 << 20), "RULE_OUTPUT"),
        (error(0x7fff_ffff, 1), "RULE_OUTPUT"),
        (error(8_000, u32::MAX), "RULE_OUTPUT"),
        ("(i32.store8 (i32.const 3000) (i32.const 2))".to_owned(), "RULE_OUTPUT"),
        ("(return (i32.const -4))".to_owned(), "RULE_OUTPUT"),
        ("unreachable".to_owned(), "RULE_TRAP"),
        ("(loop (br 0))".to_owned(), "RULE_TIMEOUT"),
    ] {
        let why = refused(Guest { configure: &statements, ..Guest::good("hostile") }.core()).await;
        assert!(why.contains(words), "{statements}: {why}");
    }
}

#[tokio::test]
async fn a_rule_that_fails_on_no_rows_at_all_is_refused() {
    // Before the loop over the rows there is no place for an attack but the allocation of the columns.
    let attack =
        Guest { realloc: "(if (i32.ge_u (local.get 3) (i32.const 16)) (then unreachable))", ..Guest::good("hostile") };
    let why = refused(attack.core()).await;
    assert!(why.contains("failed with RULE_TRAP on an empty batch"), "{why}");
}
