//! What a publish refuses, and how it says so.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use weir::model::checkpoint::StatsLayout;
use weir::rules::{Catalog, Refused, Runtime};

use crate::catalog::fixture::{Fixture, by_api, script, set, within};
use crate::catalog::module::{Guest, TEXT};
use weir_testkit::wait::Fair;

async fn refused(guest: Guest) -> String {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let refused = catalog.try_publish(&guest).await.unwrap_err();
    assert_eq!(catalog.catalog.live().revision.0, 0, "nothing changed");
    assert!(catalog.store.versions(None, 9).await.unwrap().is_empty(), "nothing is stored");
    refused.to_string()
}

fn traps_if(condition: &str) -> Guest {
    Guest::new("hasty").judge(&format!("(if {condition} (then unreachable))"))
}

fn traps_at(amount: i64) -> Guest {
    traps_if(&format!("(i64.eq (local.get $amount) (i64.const {amount}))"))
}

#[tokio::test]
async fn a_rule_that_fails_on_a_synthetic_row_is_refused_with_its_name_the_code_and_the_row() {
    let optional = "(i32.load offset=52 (local.get $columns))";
    let cases: Vec<(Guest, &str, &str)> = vec![
        (traps_at(1_250), "RULE_TRAP", "an ordinary row"),
        (traps_if(optional).field("name_dest", TEXT, false), "RULE_TRAP", "a row without its optional fields"),
        (traps_at(i64::MIN), "RULE_TRAP", "a row of the least values"),
        (traps_at(i64::MAX), "RULE_TRAP", "a row of the greatest values"),
        (traps_at(0), "RULE_TRAP", "a row of zeros and empty texts"),
        (traps_if("(i32.gt_u (local.get $rows) (i32.const 1))"), "RULE_TRAP", "all these rows together"),
        (Guest::new("hasty").judge("(loop (br 0))"), "RULE_TIMEOUT", "an ordinary row"),
        (Guest::new("hasty").judge("(call $hit (i32.const 9) (i32.const 0))"), "RULE_OUTPUT", "an ordinary row"),
        (Guest::new("hasty").judge("(call $hit (i32.const 0) (i32.const 9))"), "RULE_OUTPUT", "an ordinary row"),
    ];
    for (guest, code, row) in cases {
        let why = refused(guest).await;
        for part in ["hasty", code, row] {
            assert!(why.contains(part), "{part} in {why}");
        }
    }
}

#[tokio::test]
async fn a_rule_that_fails_on_rare_rows_only_is_published() {
    let fixture = Fixture::new();
    fixture.open().await.publish(&traps_at(4_242)).await;
}

#[tokio::test]
async fn the_rules_that_weir_ships_are_published() {
    let catalog = Fixture::new();
    let catalog = catalog.open().await;
    for rule in ["balance_mismatch", "blocked_segment", "high_amount", "negative_amount", "self_transfer"] {
        let path = format!("{}/../rules.d/{rule}.wasm", env!("CARGO_MANIFEST_DIR"));
        let wasm = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}: run `make rules` first"));
        assert_eq!(catalog.catalog.publish(wasm, by_api()).await.unwrap().name, rule);
    }
}

#[tokio::test]
async fn a_manifest_that_is_not_valid_is_refused_with_what_to_fix() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let guest = || Guest::new("fine");
    let codes = |names: &[&str]| Guest { codes: names.iter().map(|name| name.to_string()).collect(), ..guest() };
    let many = Guest { codes: (0..300).map(|n| format!("CODE_{n}")).collect(), ..guest() };
    let cases: Vec<(Guest, &str)> = vec![
        (Guest::new(""), "the rule's name is \"\": make it snake_case"),
        (Guest::new("High-Amount"), "the rule's name is \"High-Amount\": make it snake_case"),
        (Guest::new(&"a".repeat(65)), "the rule's name is \"aaaa"),
        (guest().version(""), "the version is \"\": give one"),
        (guest().version("one two"), "the version is \"one two\""),
        (Guest { summary: "s".repeat(1_025), ..guest() }, "the summary has 1025 bytes: 1024 are allowed"),
        (codes(&[]), "it has no code: a rule needs one"),
        (codes(&["bad"]), "code \"bad\" should be UPPER_SNAKE_CASE, as in AMOUNT_NEGATIVE"),
        (codes(&["BAD", "BAD"]), "code \"BAD\" stands there twice: remove one"),
        (codes(&["RULE_TRAP"]), "code RULE_TRAP is one of the engine's own: choose another name"),
        (codes(&["FIELD_MISSING"]), "code FIELD_MISSING is one of the engine's own"),
        (many, "it has more than 256 codes"),
        (guest().field("amount", TEXT, true), "field \"amount\" stands there twice"),
        (guest().field("", TEXT, true), "field \"\" should be the name of a field"),
        (guest().parameter("limit", "1").parameter("limit", "2"), "parameter \"limit\" stands there twice"),
        (guest().parameter("The Limit", "1"), "parameter \"The Limit\" should be snake_case"),
        (guest().parameter("limit", &"9".repeat(1_025)), "the default of parameter \"limit\" has 1025 bytes"),
        (Guest { summary: "Clears \u{1b}[2J".into(), ..guest() }, "the summary holds \\u{1b}, a control character"),
        (Guest { summary: "one\ntwo".into(), ..guest() }, "the summary holds \\u{a}, a control character"),
        (Guest { summary: "a \u{202e}b".into(), ..guest() }, "holds \\u{202e}, a control character or one that turns"),
        (guest().parameter("limit", "1\u{9b}31m"), "the default of parameter \"limit\" holds \\u{9b}"),
        (guest().field("amo\u{7}unt", TEXT, true), "field \"amo\\u{7}unt\" should be the name of a field"),
    ];
    for (guest, expected) in cases {
        let refused = catalog.catalog.check(guest.wasm()).await.unwrap_err();
        assert!(matches!(refused, Refused::Module(_)), "{refused}");
        let why = refused.to_string();
        assert!(why.starts_with("the manifest is not valid: ") && why.contains(expected), "{expected} in {why}");
    }
    let both = Guest { codes: vec!["bad".into()], ..guest().version("") };
    let why = catalog.catalog.check(both.wasm()).await.unwrap_err().to_string();
    assert!(why.contains("the version is") && why.contains("code \"bad\""), "all faults at once: {why}");
}

#[tokio::test]
async fn a_rule_whose_fields_the_pipeline_does_not_have_is_refused() {
    let why = refused(Guest::new("curious").field("color", TEXT, false)).await;
    assert!(why.contains("rule curious reads color, a field that the pipeline does not have"), "{why}");
    let why = refused(Guest::new("curious").field("old_balance_org", TEXT, false)).await;
    assert!(why.contains("field old_balance_org is Decimal, rule curious reads Text"), "{why}");
}

/// A component that exports an instance of this name with a function `describe` that takes and gives nothing.
fn component(export: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $x (export "describe" (func $f)) (export "configure" (func $f)) (export "judge" (func $f)))
            (export "{export}" (instance $x)))"#
    );
    wat::parse_str(text).unwrap()
}

#[tokio::test]
async fn a_component_that_is_no_rule_is_told_what_it_exports_and_what_is_wanted() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (component("weir:rule/guest@0.2.0"), &["it exports weir:rule/guest@0.2.0 (describe, configure, judge)"]),
        (wat::parse_str("(component)").unwrap(), &["it exports nothing"]),
        (component("weir:rule/guest@0.1.0"), &["describe does not keep the contract", "expected"]),
    ];
    for (wasm, parts) in cases {
        let why = catalog.catalog.check(wasm).await.unwrap_err().to_string();
        for part in parts.iter().copied().chain(["wanted is weir:rule/guest@0.1.0 with describe, configure and judge"])
        {
            assert!(why.contains(part), "{part} in {why}");
        }
    }
    let imports = wat::parse_str(r#"(component (import "host:clock/now@1.0.0" (instance)))"#).unwrap();
    let why = catalog.catalog.check(imports).await.unwrap_err().to_string();
    assert!(why.contains("this one imports host:clock/now@1.0.0"), "{why}");
}

#[tokio::test]
async fn a_check_keeps_nothing() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let manifest = catalog.catalog.check(Guest::new("fine").wasm()).await.unwrap();
    assert_eq!((manifest.name.as_str(), manifest.codes[0].name.as_str()), ("fine", "BAD"));
    assert_eq!(catalog.catalog.live().revision.0, 0);
    assert!(catalog.store.versions(None, 9).await.unwrap().is_empty());
}

/// A test's runtime has one thread for all that is async: guest code on it would stop the clock.
#[tokio::test]
async fn a_module_that_takes_its_time_holds_up_nothing_else() {
    let mut fixture = Fixture::new();
    fixture.config.rules.timeout = Duration::from_secs(3);
    let catalog = fixture.open().await;
    let (done, mut is_done) = tokio::sync::oneshot::channel();
    let clock = tokio::spawn(async move {
        let mut longest = Duration::ZERO;
        while is_done.try_recv().is_err() {
            let asleep = Fair::start();
            tokio::time::sleep(Duration::from_millis(5)).await;
            longest = longest.max(asleep.elapsed());
        }
        longest
    });
    let loops = Guest::new("slow").judge("(loop (br 0))");
    let refused = catalog.try_publish(&loops).await.unwrap_err();
    assert!(refused.to_string().contains("RULE_TIMEOUT"), "{refused}");
    done.send(()).unwrap();
    // A call may take 3 s here, and takes them all.
    let longest = clock.await.unwrap();
    assert!(longest < Duration::from_millis(1_500), "nothing else ran for {longest:?}");
}

/// What compiles is run as native code later, so the environment must not choose it. The variable is set for a process of
/// its own, which is this test again.
#[tokio::test]
async fn the_environment_names_no_compiler() {
    if std::env::var_os("WEIR_COMPILER_EXE").is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (compiler, started) = (folder.path().join("compiler"), folder.path().join("started"));
        script(&compiler, &format!("touch '{}'", started.display()));
        let again = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "catalog::vetting::the_environment_names_no_compiler"])
            .env("WEIR_COMPILER_EXE", &compiler)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&again.stdout);
        assert!(said.contains("1 passed"), "{said}");
        assert!(!started.exists(), "another program was asked to compile");
        return;
    }
    let fixture = Fixture::new();
    let store = weir::store::connect(&fixture.url(), "p", "t").await.unwrap();
    let layout = StatsLayout { table: "stats".into(), group_by: vec!["type".into()], measures: vec![] };
    store.prepare(&fixture.config.fingerprint(), &layout).await.unwrap();
    let (runtime, schema) = (Runtime::new(&fixture.config.rules).unwrap(), Arc::new(fixture.config.schema().unwrap()));
    let catalog = Catalog::open(runtime, store, schema, Arc::new(fixture.config.clone())).await.unwrap();
    let refused = catalog.check(Guest::new("fine").wasm()).await.unwrap_err().to_string();
    let own = std::env::current_exe().unwrap().display().to_string();
    assert!(refused.contains(&own), "the binary that runs is asked, here one that compiles nothing: {refused}");
}

#[tokio::test]
async fn what_a_module_chose_to_be_called_or_to_say_makes_no_long_text() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let many = |line: &dyn Fn(String) -> String| -> String {
        (0..10_000).map(|n| line(format!("{}{n}", "long".repeat(30)))).collect()
    };
    let imports = many(&|name| format!(r#"(import "{name}" (func))"#));
    let core_imports = many(&|name| format!(r#"(import "env\07" "{name}" (func))"#));
    let exports = many(&|name| format!(r#"(export "{name}" (func $f))"#));
    let exporting = format!(
        r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f"))) (instance $x {exports}) (export "a:b/c" (instance $x)))"#
    );
    let text = |text: &str| wat::parse_str(text).unwrap();
    // 60,000 bytes from where its refusal is, nearly all of them zeros.
    let says = "(i32.store (i32.const 3024) (i32.const 60000)) (return (i32.const 3016))";
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (text(&format!("(module {core_imports})")), &["this module imports env ::long", "and 9980 more: remove them"]),
        (text(&format!("(component {imports})")), &["this one imports", "and 9980 more: remove them"]),
        (text(&exporting), &["it exports a:b/c (long", "wanted is weir:rule/guest@0.1.0"]),
        (Guest::new(&"n".repeat(100_000)).wasm(), &["the rule's name is \"nnn"]),
        (Guest::new("loud").configure(says).wasm(), &["rule loud can't be configured", "configure refused: is empty"]),
    ];
    for (wasm, parts) in cases {
        let checked = catalog.catalog.check(wasm.clone()).await.unwrap_err().to_string();
        let published = catalog.catalog.publish(wasm, by_api()).await.unwrap_err().to_string();
        for why in [checked, published] {
            assert!(parts.iter().all(|part| why.contains(part)), "{parts:?} in {why}");
            assert!(why.chars().count() <= 1_000, "{} characters: {why}", why.chars().count());
            assert!(!why.contains(char::is_control), "{why:?}");
        }
    }
}

#[tokio::test]
async fn a_text_that_would_act_on_a_terminal_is_refused_of_a_file_and_of_a_patch_too() {
    let fixture = Fixture::new();
    let clears = Guest { summary: "Clears \u{1b}[2J".into(), ..Guest::new("clears") };
    std::fs::write(fixture.file("clears.wasm"), clears.wasm()).unwrap();
    let catalog = fixture.open().await;
    let running = catalog.run();
    within(Duration::from_secs(10), "the file is told", || !catalog.directory.problems().is_empty()).await;
    let problem = catalog.directory.problems().remove(0);
    assert!(problem.file == "clears.wasm" && problem.message.contains("the summary holds \\u{1b}"), "{problem:?}");
    assert!(!problem.message.contains('\u{1b}'));
    drop(running);

    catalog.publish(&Guest::new("limited").parameter("limit", "10")).await;
    let patch = set(&[("limit", Some("7\u{1b}[31m"))]);
    let refused = catalog.catalog.patch("limited", patch, "test").await.unwrap_err().to_string();
    assert!(refused.starts_with("the value of parameter \"limit\" holds \\u{1b}, a control character"), "{refused}");
    catalog.catalog.patch("limited", set(&[("limit", Some("10 000 €"))]), "test").await.unwrap();
}
