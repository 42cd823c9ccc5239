//! What the compiler process says of modules that are no rules.

use std::io::Write;
use std::process::{Command, Stdio};

fn compile(wasm: &[u8]) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("compile-module")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(wasm).unwrap();
    let out = child.wait_with_output().unwrap();
    (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
}

#[test]
fn every_import_of_a_module_is_named() {
    let wasm = wat::parse_str(r#"(module (import "env" "now" (func)) (import "env" "rand" (func)))"#).unwrap();
    let (code, text) = compile(&wasm);
    assert_eq!(code, Some(1));
    assert!(text.contains("env::now, env::rand"), "{text}");
}

#[test]
fn a_core_module_without_the_contract_is_refused() {
    let (code, text) = compile(&wat::parse_str("(module)").unwrap());
    assert_eq!(code, Some(1));
    assert!(text.contains("component-type"), "{text}");
}

#[test]
fn a_truncated_module_is_refused() {
    let wasm = wat::parse_str("(module (func) (memory 1))").unwrap();
    let (code, text) = compile(&wasm[..wasm.len() - 3]);
    assert_eq!(code, Some(1));
    assert!(text.contains("not valid WebAssembly"), "{text}");
}
