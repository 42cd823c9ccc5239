//! Modules that break the contract: without it, with another one, or with half of it.

use wit_component::StringEncoding::UTF8;

use crate::hostile_modules::fixture::refused;
use weir_testkit::guest::{Guest, typed};

const CONTRACT: &str = include_str!("../../../../sdk/wit/rule.wit");

#[tokio::test]
async fn a_core_module_without_the_contract_is_refused() {
    for module in ["(module)", r#"(module (func (export "judge") (result i32) (i32.const 0)))"#] {
        let why = refused(wat::parse_str(module).unwrap()).await;
        assert!(why.contains("component-type") && why.contains("weir-sdk"), "{why}");
    }
}

/// The good rule with something replaced in its text.
fn with(from: &str, to: &str) -> Vec<u8> {
    let text = Guest::good("hostile").text();
    assert!(text.contains(from), "{from}");
    typed(&text.replace(from, to), CONTRACT, UTF8)
}

#[tokio::test]
async fn a_missing_export_is_named() {
    for (export, named) in [("#judge", "judge"), ("#describe", "describe"), ("#configure", "configure")] {
        let why = refused(with(export, "#nothing")).await;
        assert!(why.contains(named), "{why}");
    }
    let why = refused(with("(export \"cabi_realloc\")", "")).await;
    assert!(why.contains("realloc"), "{why}");
    let why = refused(with("(export \"memory\")", "")).await;
    assert!(why.contains("memory"), "{why}");
}

#[tokio::test]
async fn a_function_of_another_type_is_refused() {
    let why = refused(with(
        r#"#configure") (param i32 i32 i32 i32) (result i32)"#,
        r#"#configure") (param i32 i32 i32 i64) (result i32)"#,
    ))
    .await;
    assert!(why.contains("configure") && why.contains("type mismatch"), "{why}");
}

/// What a rule of another contract is refused for; its core functions would fit.
async fn of(contract: &str) -> String {
    assert_ne!(contract, CONTRACT);
    refused(typed(&Guest::good("hostile").text().replace("@0.1.0", version(contract)), contract, UTF8)).await
}

fn version(contract: &str) -> &'static str {
    if contract.contains("@0.2.0") { "@0.2.0" } else { "@0.1.0" }
}

#[tokio::test]
async fn a_rule_of_another_version_is_refused() {
    let why = of(&CONTRACT.replace("@0.1.0", "@0.2.0")).await;
    assert!(why.contains("weir:rule/guest@0.1.0"), "{why}");
}

#[tokio::test]
async fn a_rule_of_the_same_version_with_other_types_is_refused() {
    let record = CONTRACT.replace("    code: u16,\n", "    code: u16,\n    weight: u16,\n");
    let cases = CONTRACT.replace("    text,\n  }", "    text,\n    bytes,\n  }");
    for contract in [record, cases] {
        let why = of(&contract).await;
        assert!(why.contains("expected"), "{why}");
    }
}

#[tokio::test]
async fn another_world_is_refused() {
    let other = "package weir:other@0.1.0;
        interface guest { describe: func() -> string; }
        world rule { export guest; }";
    let module = r#"(module (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
        (func (export "weir:other/guest@0.1.0#describe") (result i32) (i32.const 64)))"#;
    let why = refused(typed(module, other, UTF8)).await;
    assert!(why.contains("weir:rule/guest@0.1.0"), "{why}");
}

#[tokio::test]
async fn a_contract_section_of_garbage_is_refused() {
    for section in ["", r"\00", r"\00asm\0d\00\01\00", r"\ff\ff\ff\ff\ff\ff"] {
        let text = Guest::good("hostile").text();
        let at = text.rfind(')').unwrap();
        let text = format!(r#"{} (@custom "component-type:rule" "{section}"))"#, &text[..at]);
        let why = refused(wat::parse_str(text).unwrap()).await;
        assert!(!why.contains("1 GiB"), "the compiler says what is wrong, it does not die of it: {why}");
    }
}

#[tokio::test]
async fn what_the_pipeline_does_not_have_is_refused() {
    let no_field = Guest { describe: "(i32.store8 (i32.const 1100) (i32.const 65))", ..Guest::good("hostile") };
    let why = refused(no_field.core()).await;
    assert!(why.contains("reads Amount, a field that the pipeline does not have"), "{why}");
    let other_kind = Guest { describe: "(i32.store8 (i32.const 1220) (i32.const 5))", ..Guest::good("hostile") };
    let why = refused(other_kind.core()).await;
    assert!(why.contains("field amount is Decimal, rule hostile reads Text"), "{why}");
}
