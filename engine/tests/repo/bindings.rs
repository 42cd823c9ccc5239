//! The SDK's side of the contract: what wit-bindgen makes of it is kept in the repository.

use std::fs;

use weir_testkit::stack::root;
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};
use wit_bindgen_rust::Opts;

const BINDINGS: &str = "sdk/src/bindings.in";

#[test]
fn docs_bindings_of_the_sdk_are_what_wit_bindgen_makes_of_the_contract() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("sdk/wit")).expect("the contract is WIT");
    let world = resolve.select_world(&[package], Some("explained-rule")).expect("it has this world");
    let options = Opts {
        format: true,
        pub_export_macro: true,
        export_macro_name: Some("export_rule".to_owned()),
        default_bindings_module: Some("weir_sdk::bindings".to_owned()),
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).expect("the world can be exported");
    let (_, made) = files.iter().next().expect("a world is one file");
    let path = root().join(BINDINGS);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, made).expect("the bindings can be written");
        return;
    }
    let kept = fs::read(path).expect("the bindings are kept");
    assert!(kept == made, "{BINDINGS} is not what wit-bindgen makes of sdk/wit: run make docs");
}
