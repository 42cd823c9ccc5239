//! `module` over modules that `wasm-smith` makes of the bytes: valid, with a rule's exports, and else like none that a
//! compiler makes. Not part of `make test`, which takes what this found worth keeping from the corpus of `module`.
#![no_main]

mod child;

use std::sync::OnceLock;

use libfuzzer_sys::arbitrary::Unstructured;
use wit_component::StringEncoding;

const EXPORTS: &str = r#"(module (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "weir:rule/guest@0.1.0#describe") (result i32) unreachable)
  (func (export "weir:rule/guest@0.1.0#configure") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "weir:rule/guest@0.1.0#judge") (param i32 i32 i32) (result i32) unreachable))"#;

libfuzzer_sys::fuzz_target!(init: child::compile(), |data: &[u8]| {
    if let Some(wasm) = rule(data) {
        if let Some(folder) = std::env::var_os("SMITH_KEEP") {
            let name = format!("{}.wasm", weir::model::ids::Sha256::of(&wasm));
            std::fs::write(std::path::Path::new(&folder).join(name), &wasm).expect("SMITH_KEEP is a folder");
        }
        weir_testkit::fuzz::module(&wasm);
    }
});

fn rule(data: &[u8]) -> Option<Vec<u8>> {
    static EXPORTS_ONLY: OnceLock<Vec<u8>> = OnceLock::new();
    let exports = EXPORTS_ONLY.get_or_init(|| wat::parse_str(EXPORTS).expect("this text is a module"));
    let config = wasm_smith::Config {
        exports: Some(exports.clone()),
        max_imports: 0,
        min_funcs: 1,
        max_instructions: 60,
        // What the engine's wasmtime leaves out is refused at once, and nothing behind that is reached.
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        threads_enabled: false,
        ..Default::default()
    };
    let mut wasm = wasm_smith::Module::new(config, &mut Unstructured::new(data)).ok()?.to_bytes();
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("rule.wit", include_str!("../../sdk/wit/rule.wit")).expect("the contract is WIT");
    let world = resolve.select_world(&[package], Some("rule")).expect("it has this world");
    wit_component::embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8).ok()?;
    Some(wasm)
}
