//! Hand-written rules with any manifest: the manifest is in the module's memory as `describe` returns it, laid out
//! by the canonical ABI of `rule.wit`.

const MANIFEST: u32 = 65_536;

/// Of `rule.wit`'s enums.
pub(crate) const DECIMAL: u8 = 3;
pub(crate) const TEXT: u8 = 5;
const DEAD_LETTER: u8 = 0;

/// Hits with the first code where the amount is -1.
pub(crate) const GOOD: &str =
    "(if (i64.eq (local.get $amount) (i64.const -1)) (then (call $hit (local.get $i) (i32.const 0))))";

/// Traps where the amount is 4242, which the probe does not try.
pub(crate) const TRAPS_RARELY: &str = "(if (i64.eq (local.get $amount) (i64.const 4242)) (then unreachable))";

/// As `configure`: takes 100 million turns, which is long for 10 ms and short for 5 s.
pub(crate) const SLOW: &str = "(loop $turn (local.set $spin (i64.add (local.get $spin) (i64.const 1)))
    (br_if $turn (i64.lt_u (local.get $spin) (i64.const 100000000))))";

/// A rule; `GOOD` unless another body is given.
#[derive(Clone)]
pub(crate) struct Guest {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    /// Name, kind, required. The first is `amount`.
    pub(crate) fields: Vec<(String, u8, bool)>,
    pub(crate) codes: Vec<String>,
    /// Name and default.
    pub(crate) parameters: Vec<(String, String)>,
    /// Runs for each row `$i` of `$rows`; `$amount` is the row's.
    pub(crate) judge: String,
    /// Runs first when it is configured.
    pub(crate) configure: String,
}

impl Guest {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            version: "1.0.0".into(),
            summary: "Finds what the test plants.".into(),
            fields: vec![("amount".into(), DECIMAL, true)],
            codes: vec!["BAD".into()],
            parameters: Vec::new(),
            judge: GOOD.into(),
            configure: String::new(),
        }
    }

    pub(crate) fn version(mut self, version: &str) -> Self {
        self.version = version.into();
        self
    }

    pub(crate) fn judge(mut self, body: &str) -> Self {
        self.judge = body.into();
        self
    }

    pub(crate) fn configure(mut self, body: &str) -> Self {
        self.configure = body.into();
        self
    }

    pub(crate) fn field(mut self, name: &str, kind: u8, required: bool) -> Self {
        self.fields.push((name.into(), kind, required));
        self
    }

    pub(crate) fn parameter(mut self, name: &str, default: &str) -> Self {
        self.parameters.push((name.into(), default.into()));
        self
    }

    /// A core module with the contract's section. Its `configure` refuses an empty value of the first parameter.
    pub(crate) fn wasm(&self) -> Vec<u8> {
        let mut image = Image::default();
        let manifest = image.manifest(self);
        let data: String = image.0.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let Self { judge, configure, .. } = self;
        let text = format!(
            r#"(module
  (memory (export "memory") 32) (global $heap (mut i32) (i32.const 524288)) (global $hits (mut i32) (i32.const 0))
  (data (i32.const {MANIFEST}) "{data}")
  (data (i32.const 3016) "\01\00\00\00\e0\0b\00\00\08\00\00\00") (data (i32.const 3040) "is empty")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get 3))) (local.get $at))
  (func $hit (param $row i32) (param $code i32) (local $at i32)
    (local.set $at (i32.add (i32.const 4096) (i32.mul (global.get $hits) (i32.const 16))))
    (i32.store (local.get $at) (local.get $row)) (i32.store offset=4 (local.get $at) (local.get $code))
    (i64.store offset=8 (local.get $at) (i64.const 0))
    (global.set $hits (i32.add (global.get $hits) (i32.const 1))))
  (func (export "weir:rule/guest@0.1.0#describe") (result i32) (i32.const {manifest}))
  (func (export "weir:rule/guest@0.1.0#configure") (param i32 i32) (param $settings i32) (param $n i32) (result i32)
    (local $spin i64) {configure}
    (if (i32.eqz (local.get $n)) (then (return (i32.const 3000))))
    (if (result i32) (i32.eqz (i32.load offset=12 (local.get $settings))) (then (i32.const 3016)) (else (i32.const 3000))))
  (func (export "weir:rule/guest@0.1.0#judge") (param $rows i32) (param $columns i32) (param i32) (result i32)
    (local $i i32) (local $amount i64)
    (global.set $hits (i32.const 0))
    (block $end (loop $next
      (br_if $end (i32.ge_u (local.get $i) (local.get $rows)))
      (local.set $amount (i64.load (i32.add (i32.load offset=4 (local.get $columns)) (i32.mul (local.get $i) (i32.const 8)))))
      {judge}
      (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $next)))
    (global.set $heap (i32.const 524288))
    (i32.store (i32.const 64) (i32.const 4096)) (i32.store (i32.const 68) (global.get $hits)) (i32.const 64)))"#
        );
        embed(&wat::parse_str(&text).unwrap())
    }
}

/// The module with the section that says which world it is of.
fn embed(wasm: &[u8]) -> Vec<u8> {
    let mut wasm = wasm.to_vec();
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk/wit")).unwrap();
    let world = resolve.select_world(&[package], Some("rule")).unwrap();
    wit_component::embed_component_metadata(&mut wasm, &resolve, world, wit_component::StringEncoding::UTF8).unwrap();
    wasm
}

/// Memory from `MANIFEST` on.
#[derive(Default)]
struct Image(Vec<u8>);

impl Image {
    /// Where it is and how long it is, as a list or string is lowered.
    fn put(&mut self, bytes: &[u8], count: usize) -> [u8; 8] {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        let at = MANIFEST + self.0.len() as u32;
        self.0.extend_from_slice(bytes);
        let mut pair = [0; 8];
        pair[..4].copy_from_slice(&at.to_le_bytes());
        pair[4..].copy_from_slice(&(count as u32).to_le_bytes());
        pair
    }

    fn text(&mut self, text: &str) -> [u8; 8] {
        self.put(text.as_bytes(), text.len())
    }

    fn manifest(&mut self, guest: &Guest) -> u32 {
        let mut fields = Vec::new();
        for (name, kind, required) in &guest.fields {
            fields.extend(self.text(name));
            fields.extend([*kind, u8::from(*required), 0, 0]);
        }
        let mut codes = Vec::new();
        for name in &guest.codes {
            codes.extend(self.text(name));
            codes.extend(self.text("planted"));
            codes.extend([DEAD_LETTER, 0, 0, 0]);
        }
        let mut parameters = Vec::new();
        for (name, default) in &guest.parameters {
            parameters.extend(self.text(name));
            parameters.extend([TEXT, 0, 0, 0]);
            parameters.extend(self.text("set by the test"));
            parameters.extend(self.text(default));
        }
        let mut manifest = Vec::new();
        manifest.extend(self.text(&guest.name));
        manifest.extend(self.text(&guest.version));
        manifest.extend(self.text(&guest.summary));
        manifest.extend(self.put(&fields, guest.fields.len()));
        manifest.extend(self.put(&codes, guest.codes.len()));
        manifest.extend(self.put(&parameters, guest.parameters.len()));
        let at = self.put(&manifest, 0);
        u32::from_le_bytes(at[..4].try_into().unwrap())
    }
}
