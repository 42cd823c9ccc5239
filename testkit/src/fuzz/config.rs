//! `weir.toml`. Any text is a configuration or an error that says what to fix; and what is accepted can be used: every
//! stage takes it, and written out and read again it is the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use secrecy::ExposeSecret;
use weir::config::{Config, ConfigError};
use weir::decode::Decoder;
use weir::enrich::lookup::{LookupError, Lookups};
use weir::model::record::Batch;
use weir::window::WindowSpec;

/// The bytes as `weir.toml`; bytes that are no UTF-8 never get that far.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parsed(text) {
        Ok(config) => {
            used(&config);
            let table: toml::Table = text.parse().unwrap();
            let again = parsed(&table.to_string()).unwrap_or_else(|e| panic!("accepted, and written out refused: {e}"));
            assert_eq!(shown(&again), shown(&config));
            assert_eq!(again.fingerprint(), config.fingerprint());
        }
        Err(error) => explained(&error, text),
    }
}

fn parsed(text: &str) -> Result<Config, ConfigError> {
    // Two that can be tokens, and others that nothing but their quotes keeps from being more than a value.
    let value = |name: &str| match name {
        "WEIR_V" | "WEIR_P" => format!("{name}-0123456789abcdef"),
        name => format!("{name}{{\"\n${{W}}"),
    };
    Config::parse(text, &|name| name.starts_with('W').then(|| value(name)))
}

/// With what its own `Debug` keeps to itself.
fn shown(config: &Config) -> String {
    let Config { source, dead_letters, sink, admin, lookup, .. } = config;
    let urls: Vec<_> = lookup.values().map(|lookup| lookup.url.expose_secret()).collect();
    let tokens = [&admin.tokens.viewer, &admin.tokens.publisher];
    let tokens = tokens.map(|token| token.as_ref().map(|token| token.expose_secret()));
    let people: Vec<_> = admin.people.values().map(|person| person.token.expose_secret()).collect();
    let (properties, url) = ((&*source.properties, &*dead_letters.properties), sink.url.expose_secret());
    format!("{config:?} {properties:?} {url} {urls:?} {tokens:?} {people:?}")
}

/// As `pipeline` puts it together, short of what connects.
fn used(config: &Config) {
    let schema = Arc::new(config.schema().expect("what was checked has a schema"));
    let event_time = schema.find(&config.record.event_time).expect("what was checked has an event time");
    let spec = WindowSpec::new(&config.window, event_time, &schema).expect("what was checked has windows");
    assert!(spec.needed().iter().all(|id| id.0 < schema.fields.len()));
    let layout = spec.layout(&config.sink.table);
    assert_eq!(layout.group_by.len(), config.window.group_by.len());
    let measured: BTreeSet<_> = layout.measures.iter().map(|measure| &measure.field).collect();
    assert!(measured.into_iter().eq(config.window.measures.keys()));
    assert!(layout.measures.iter().all(|measure| measure.scale <= 10));
    assert!(config.fingerprint().window_ms > 0);
    assert!(schema.fields.iter().all(|field| field.scale <= 10 && field.path.is_empty() == field.lookup.is_some()));
    let mut batch = Batch::new(&schema);
    let max_record = config.source.max_record.as_u64() as usize;
    let _ = Decoder::new(schema.clone(), max_record).decode(None, Some(b"{}"), weir::model::ids::Offset(0), &mut batch);
    // Only Redis's own reading of the URL is left to go wrong.
    if let Err(LookupError::Config { lookup, why }) = Lookups::new(&config.lookup, schema) {
        assert!(config.lookup.contains_key(&lookup) && !why.is_empty() && !why.starts_with("key "), "{lookup}: {why}");
    }
}

fn explained(error: &ConfigError, text: &str) {
    match error {
        ConfigError::Read { .. } => panic!("nothing was read"),
        ConfigError::Syntax { line, why } => {
            assert!((1..=text.matches('\n').count() + 1).contains(line) && !why.is_empty(), "line {line}: {why}");
        }
        ConfigError::Invalid(problems) => {
            assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.why.is_empty()), "{problems:?}");
        }
    }
    assert!(!error.to_string().is_empty());
}
