//! Uploads that are no rule by their form: not WebAssembly, too large, with imports, a start function that fails, or of a
//! proposal that the engine leaves off.

use std::io::Write;
use std::process::{Command, Stdio};

use weir::rules::Refused;
use wit_component::StringEncoding::UTF8;

use crate::hostile_modules::fixture::{Fixture, codes, refused, refused_by};
use weir_testkit::guest::{Guest, typed};

fn core(module: &str) -> Vec<u8> {
    wat::parse_str(module).unwrap()
}

#[tokio::test]
async fn what_does_not_begin_as_webassembly_is_refused() {
    for upload in [&b""[..], b"hello", b"\0as", b"\x7fELF\x02\x01\x01", b"(module)"] {
        let why = refused(upload.to_vec()).await;
        assert!(why.contains("not a WebAssembly module"), "{why}");
    }
}

#[tokio::test]
async fn compiled_code_is_refused_even_from_the_engines_own_compiler() {
    let mut compiler = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("compile-module")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    compiler.stdin.take().unwrap().write_all(&Guest::good("hostile").core()).unwrap();
    let compiled = compiler.wait_with_output().unwrap();
    assert!(compiled.status.success() && compiled.stdout.len() > 1_000);
    let why = refused(compiled.stdout).await;
    assert!(why.contains(".cwasm is refused"), "{why}");
}

#[tokio::test]
async fn one_byte_more_than_the_bound_is_refused_and_the_bound_is_not() {
    let fixture = Fixture::new().await;
    let most = 8 << 20;
    let mut module = Guest::good("hostile").core();
    // A custom section fills it up: id 0, a size of four bytes, an empty name.
    let fill = most - module.len() - 5;
    module.push(0);
    module.extend([0, 7, 14, 21].map(|shift| (fill >> shift & 0x7f) as u8 | if shift < 21 { 0x80 } else { 0 }));
    module.resize(most, 0);
    let larger = [&module[..], &[0]].concat();
    let why = refused_by(&fixture, larger.clone()).await;
    assert!(why.contains("8388609 bytes"), "{why}");
    assert!(matches!(fixture.upload(larger).await, Err(Refused::TooLarge { .. })));
    fixture.upload(module).await.unwrap();
}

#[tokio::test]
async fn a_module_cut_short_or_garbled_is_refused() {
    let whole = Guest::good("hostile").core();
    for length in [4, 9, 100, whole.len() / 2, whole.len() - 1] {
        let why = refused(whole[..length].to_vec()).await;
        assert!(why.contains("not valid WebAssembly"), "{length} bytes: {why}");
    }
    for version in [[2, 0, 0, 0], [0xff; 4], [0x0d, 0, 1, 0]] {
        refused([b"\0asm", &version[..], &whole[8..]].concat()).await;
    }
    for at in (8..whole.len()).step_by(whole.len() / 12) {
        let mut garbled = whole.clone();
        garbled[at] ^= 0x55;
        // Some of these are still rules: then they judge, and harm nobody.
        let fixture = Fixture::new().await;
        if fixture.upload(garbled).await.is_ok() {
            crate::hostile_modules::fixture::judged(&fixture).await;
        }
    }
}

#[tokio::test]
async fn every_import_of_a_module_is_named() {
    let cases = [
        (r#"(import "env" "now" (func)) (import "env" "rand" (func))"#, "env::now, env::rand"),
        (
            r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#,
            "wasi_snapshot_preview1::fd_write",
        ),
        (r#"(import "env" "memory" (memory 1)) (import "js" "tbl" (table 1 funcref))"#, "env::memory, js::tbl"),
        (r#"(import "" "" (global i32))"#, "::"),
        (r#"(import "weir:rule/guest@0.1.0" "judge" (func))"#, "weir:rule/guest@0.1.0::judge"),
    ];
    for (imports, named) in cases {
        let why = refused(core(&format!("(module {imports})"))).await;
        assert!(why.contains("a rule imports nothing") && why.contains(named), "{why}");
    }
    let inside = r#"(import "env" "now" (func))"#;
    let rule = Guest::good("hostile").text().replacen("(module", &format!("(module {inside}"), 1);
    let contract = include_str!("../../../../sdk/wit/rule.wit");
    let why = refused(typed(&rule, contract, UTF8)).await;
    assert!(why.contains("env::now"), "an otherwise good rule: {why}");
}

#[tokio::test]
async fn a_start_function_that_fails_is_refused() {
    let cases = [
        ("unreachable", "RULE_TRAP"),
        ("(loop (br 0))", "RULE_TIMEOUT"),
        ("(call $deep)", "RULE_TRAP"),
        ("(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable))", "RULE_MEMORY"),
    ];
    for (body, code) in cases {
        let more = format!("(func $start {body}) (start $start)");
        let why = refused(Guest { more: &more, ..Guest::good("hostile") }.core()).await;
        assert!(why.contains(code), "{body}: {why}");
    }
}

#[tokio::test]
async fn a_start_function_that_works_is_a_part_of_a_rule() {
    let more = "(func $start (global.set $attack (i32.const 0))) (start $start)";
    let good = Guest { more, ..Guest::good("hostile") };
    assert_eq!(codes(good).await, [(3, "BAD".to_owned())]);
}

#[tokio::test]
async fn proposals_that_the_engine_leaves_off_are_refused_by_name() {
    let cases = [
        ("(memory $second 1)", "multiple memories"),
        ("(tag $e) (func (throw $e))", "exceptions"),
        ("(type $s (struct (field i32))) (func (drop (struct.new $s (i32.const 1))))", "gc types are disabled"),
        ("(type $f (func)) (type $c (cont $f)) (func (drop (cont.new $c (ref.null $f))))", "stack switching"),
        ("(table i64 1 funcref)", "memory64"),
        ("(func (param v128) (result v128) (i32x4.relaxed_trunc_f32x4_s (local.get 0)))", "relaxed SIMD"),
        ("(func (drop (i32.atomic.load (i32.const 0))))", "threads"),
    ];
    for (more, words) in cases {
        let why = refused(Guest { more, ..Guest::good("hostile") }.core()).await;
        assert!(why.contains(words), "{more}: {why}");
    }
    let text = Guest::good("hostile").text();
    let shared = text.replace(r#"(export "memory") 64)"#, r#"(export "memory") 64 64 shared)"#);
    assert_ne!(shared, text);
    let why = refused(typed(&shared, include_str!("../../../../sdk/wit/rule.wit"), UTF8)).await;
    assert!(why.contains("shared"), "{why}");
}
