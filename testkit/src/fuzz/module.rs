//! Uploads. Any bytes are compiled or refused with a text that fits on a line; what compiles goes the whole way of a
//! `POST /rules?dry_run`, the child process that compiles it included.

use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use weir::model::catalog::{ENGINE_CODES, Manifest};
use weir::model::ids::Sha256;
use weir::model::record::Schema;
use weir::rules::{Refused, compile};

use super::fixture::{Fixture, with};

static BENCH: OnceLock<Mutex<Fixture>> = OnceLock::new();

/// The target; the module says what must hold and how the bytes are read.
///
/// # Panics
/// Where it does not hold.
pub fn module(data: &[u8]) {
    // In this process, where coverage is seen; the child does the same once more.
    match compile(data) {
        Ok(code) => {
            assert!(!code.is_empty());
            drop(check(data));
        }
        Err(why) => {
            assert!(!why.is_empty());
            // A start of a process takes as long as hundreds of these.
            if Sha256::of(data).0[0] & 31 == 0 {
                assert!(check(data).is_err(), "refused here and accepted by the catalog: {why}");
            }
        }
    }
}

/// What the catalog says of an upload; a manifest that it accepts is one that rules, records and the store can live by.
pub(crate) fn check(wasm: &[u8]) -> Result<Manifest, String> {
    with(
        &BENCH,
        || Fixture::new(Duration::from_millis(50)),
        |fixture| match fixture.wait(fixture.catalog.check(wasm.to_vec())) {
            Ok(manifest) => {
                sound(&manifest, &fixture.schema);
                Ok(manifest)
            }
            Err(refused) => {
                let why = refused.to_string();
                let expected = match &refused {
                    Refused::Module(_) | Refused::Unfit(_) => true,
                    Refused::NotWasm => !wasm.starts_with(b"\0asm"),
                    _ => false,
                };
                assert!(expected, "no fault of the module: {why}");
                assert!(!why.is_empty() && why.chars().count() <= 1_000 && !why.contains(char::is_control), "{why:?}");
                Err(why)
            }
        },
    )
}

fn sound(manifest: &Manifest, schema: &Schema) {
    let Manifest { name, version, summary, fields, codes, parameters } = manifest;
    let named = |name: &str, first: fn(&char) -> bool| {
        (1..=64).contains(&name.len())
            && name.starts_with(|c: char| first(&c))
            && name.chars().all(|c| first(&c) || c.is_ascii_digit() || c == '_')
    };
    assert!(named(name, char::is_ascii_lowercase), "{name:?}");
    assert!((1..=64).contains(&version.len()) && version.bytes().all(|byte| byte.is_ascii_graphic()), "{version:?}");
    assert!(!codes.is_empty() && codes.len() <= 256 && fields.len() <= 256 && parameters.len() <= 256);
    let of_codes = codes.iter().map(|code| &code.summary);
    let of_parameters = parameters.iter().flat_map(|parameter| [&parameter.summary, &parameter.default]);
    assert!(of_codes.chain(of_parameters).chain([summary]).all(|text| text.len() <= 1_024));
    let twice = |names: Vec<&String>| names.iter().enumerate().any(|(at, name)| names[..at].contains(name));
    assert!(!twice(codes.iter().map(|code| &code.name).collect()), "{codes:?}");
    assert!(!twice(fields.iter().map(|field| &field.name).collect()), "{fields:?}");
    assert!(!twice(parameters.iter().map(|parameter| &parameter.name).collect()), "{parameters:?}");
    for code in codes {
        assert!(named(&code.name, char::is_ascii_uppercase) && !ENGINE_CODES.contains(&&*code.name), "{code:?}");
    }
    assert!(parameters.iter().all(|parameter| named(&parameter.name, char::is_ascii_lowercase)), "{parameters:?}");
    for field in fields {
        let known = schema.find(&field.name).map(|id| schema.field(id).kind);
        assert_eq!(known, Some(field.kind), "{field:?} is not one of this pipeline's");
    }
}
