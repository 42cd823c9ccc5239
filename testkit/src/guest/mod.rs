//! Hand-written guests of `rule.wit`, of which an attack replaces one part.

pub mod kinds;

use wit_component::{ComponentEncoder, StringEncoding};

/// Hits where the amount is negative.
pub const GOOD: &str = "(if (local.get $bad) (then (call $hit (local.get $i) (i32.const 0))))";

/// In `each`: has `judge` leave what `answer` says if an amount of the batch is negative.
pub const ATTACK: &str = "(global.set $attack (i32.or (global.get $attack) (local.get $bad)))";

/// Where `$hit` keeps its list.
pub const HITS: u32 = 1 << 20;

/// The parts of a rule as WebAssembly text. It reads `amount`, and its one code is BAD.
///
/// Memory: 64 judge's return area, from 1,000 the manifest's texts, 2,000 the manifest, 3,000 configure's answer, from
/// 64 KiB what the engine passes in, from 1 MiB the hits. 8,000 to 60,000 is free.
pub struct Guest<'a> {
    /// The rule's name.
    pub name: &'a str,
    /// In `judge`, for each row: `$i` is the row and `$bad` whether its amount is negative. Less than a million counts
    /// as no amount at all: the probe at publish tries the least of all.
    pub each: &'a str,
    /// The address that `judge` returns if `$attack` is set.
    pub answer: &'a str,
    /// At the end of `describe`, when the manifest is made.
    pub describe: &'a str,
    /// In `configure`, whose answer is zeros: well.
    pub configure: &'a str,
    /// In `cabi_realloc`, before the memory is given: local 2 is the alignment, local 3 the size.
    pub realloc: &'a str,
    /// Pages at the start.
    pub pages: u32,
    /// Further fields of the module.
    pub more: &'a str,
    /// Of the texts that it passes.
    pub encoding: StringEncoding,
}

impl<'a> Guest<'a> {
    /// A good rule.
    pub fn good(name: &'a str) -> Self {
        Self {
            name,
            each: GOOD,
            answer: "(i32.const 64)",
            describe: "",
            configure: "",
            realloc: "",
            pages: 64,
            more: "",
            encoding: StringEncoding::UTF8,
        }
    }

    /// The rule `hostile` that does this for each row.
    pub fn hostile(each: &'a str) -> Self {
        Self { each, ..Self::good("hostile") }
    }

    /// The module as WebAssembly text.
    pub fn text(&self) -> String {
        let Self { name, each, answer, describe, configure, realloc, pages, more, .. } = self;
        let n = name.len();
        format!(
            r#"(module
  (memory (export "memory") {pages}) (global $heap (mut i32) (i32.const 65536)) (global $hits (mut i32) (i32.const 0))
  (global $attack (mut i32) (i32.const 0))
  (data (i32.const 1024) "{name}") (data (i32.const 1100) "amount") (data (i32.const 1110) "BAD") (data (i32.const 1120) "1.0.0")
  (data (i32.const 1220) "\03\01")
  {more}
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
    {realloc}
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get 3))) (local.get $at))
  (func $deep (call $deep) (call $deep))
  (func $put (param i32 i32 i32) (i32.store (local.get 0) (local.get 1)) (i32.store offset=4 (local.get 0) (local.get 2)))
  (func $hit (param $row i32) (param $code i32) (call $detail (local.get $row) (local.get $code) (i32.const 0) (i32.const 0)))
  (func $detail (param $row i32) (param $code i32) (param $text i32) (param $len i32) (local $at i32)
    (local.set $at (i32.add (i32.const {HITS}) (i32.mul (global.get $hits) (i32.const 16))))
    (call $put (local.get $at) (local.get $row) (local.get $code))
    (call $put (i32.add (local.get $at) (i32.const 8)) (local.get $text) (local.get $len))
    (global.set $hits (i32.add (global.get $hits) (i32.const 1))))
  (func (export "weir:rule/guest@0.1.0#describe") (result i32)
    (call $put (i32.const 2000) (i32.const 1024) (i32.const {n})) (call $put (i32.const 2008) (i32.const 1120) (i32.const 5))
    (call $put (i32.const 2024) (i32.const 1212) (i32.const 1)) (call $put (i32.const 2032) (i32.const 1300) (i32.const 1))
    (call $put (i32.const 1212) (i32.const 1100) (i32.const 6)) (call $put (i32.const 1300) (i32.const 1110) (i32.const 3))
    {describe}
    (i32.const 2000))
  (func (export "weir:rule/guest@0.1.0#configure") (param i32 i32 i32 i32) (result i32) {configure} (i32.const 3000))
  (func (export "weir:rule/guest@0.1.0#judge") (param $rows i32) (param $columns i32) (param i32) (result i32)
    (local $i i32) (local $bad i32)
    (global.set $hits (i32.const 0)) (global.set $attack (i32.const 0))
    (block $end (loop $next
      (br_if $end (i32.ge_u (local.get $i) (local.get $rows)))
      (local.set $bad (i64.gt_u (i64.load (i32.add (i32.load offset=4 (local.get $columns)) (i32.mul (local.get $i) (i32.const 8)))) (i64.const -1000000)))
      {each}
      (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $next)))
    (global.set $heap (i32.const 65536))
    (call $put (i32.const 64) (i32.const {HITS}) (global.get $hits))
    (if (result i32) (global.get $attack) (then {answer}) (else (i32.const 64)))))"#
        )
    }

    /// As cargo builds it: a core module with the component-type section.
    pub fn core(&self) -> Vec<u8> {
        typed(&self.text(), include_str!("../../../sdk/wit/rule.wit"), self.encoding)
    }

    /// The component around [`Self::core`].
    pub fn component(&self) -> Vec<u8> {
        component(&self.core())
    }
}

/// A rule that does this for each row.
pub fn module(name: &str, each: &str) -> Vec<u8> {
    Guest { each, ..Guest::good(name) }.core()
}

/// A core module with the section that says it implements the world `rule` of this contract.
pub fn typed(module: &str, contract: &str, encoding: StringEncoding) -> Vec<u8> {
    let mut wasm = wat::parse_str(module).unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("rule.wit", contract).unwrap();
    let world = resolve.select_world(&[package], Some("rule")).unwrap();
    wit_component::embed_component_metadata(&mut wasm, &resolve, world, encoding).unwrap();
    wasm
}

/// The component around a core module.
pub fn component(core: &[u8]) -> Vec<u8> {
    ComponentEncoder::default().module(core).unwrap().encode().unwrap()
}
