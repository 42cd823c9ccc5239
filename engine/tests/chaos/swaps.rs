//! What publishers do meanwhile, through the API of any instance: swaps, rollbacks, parameters, orders, a module that traps.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rand::{Rng, RngExt};
use serde_json::json;

use weir_testkit::guest;
use weir_testkit::pipeline::api::ask;
use weir_testkit::pipeline::module;

/// The row's amount in a guest's `judge`: whole cents.
const AMOUNT: &str =
    "(i64.load (i32.add (i32.load offset=4 (local.get $columns)) (i32.mul (local.get $i) (i32.const 8))))";

#[derive(Default)]
pub(crate) struct Publisher {
    builds: u32,
    /// The modules that trap, by sha256, whether their publish came through or not.
    pub(crate) traps: BTreeSet<String>,
    under_way: Option<JoinHandle<String>>,
    /// Changes that were answered with success.
    pub(crate) made: Arc<Mutex<u32>>,
}

impl Publisher {
    pub(crate) fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    /// What came of the last change, once.
    pub(crate) fn came(&mut self) -> Option<String> {
        let done = self.under_way.take_if(|under_way| under_way.is_finished())?;
        Some(done.join().expect("the change does not panic"))
    }

    /// A good module named `fickle`, then and again; without one the breaker has nothing to go back to.
    pub(crate) fn good(&mut self, admin: u16) -> String {
        let wasm = self.build(guest::module("fickle", guest::GOOD));
        self.post(admin, wasm, "a good build of fickle")
    }

    /// A module that traps on every record of the flow, and on none of the probes of a publish.
    pub(crate) fn trap(&mut self, admin: u16) -> String {
        let cents = format!("(i64.rem_s {AMOUNT} (i64.const 100))");
        let squared = format!("(i64.mul {cents} {cents})");
        let wasm = guest::module("fickle", &format!("(if (i64.eq {squared} (i64.const 1369)) (then unreachable))"));
        let wasm = self.build(wasm);
        self.traps.insert(sha256(&wasm));
        self.post(admin, wasm, "a build of fickle that traps")
    }

    /// A shadow rule that never ends on one payment in a thousand.
    pub(crate) fn slow(&mut self, admin: u16) -> String {
        let whole = format!("(i64.div_s {AMOUNT} (i64.const 100))");
        let rare = format!("(i64.eq (i64.rem_s {whole} (i64.const 997)) (i64.const 5))");
        let wasm = self.build(guest::module("slow", &format!("(if {rare} (then (loop $on (br $on))))")));
        let what = format!("a build of slow that loops, {}", &sha256(&wasm)[..12]);
        self.ask(admin, "POST", "/rules?mode=shadow".to_owned(), "application/wasm", wasm, &what)
    }

    pub(crate) fn change(&mut self, admin: u16, rng: &mut impl Rng) -> String {
        match rng.random_range(0..9) {
            0 | 1 => {
                let limit = [50, 500, 5_000, 200_000][rng.random_range(0..4)].to_string();
                self.patch(admin, "high_amount", json!({ "parameters": { "limit": limit } }))
            }
            2 => {
                let rule = ["negative_amount", "blocked_segment", "fickle"][rng.random_range(0..3)];
                self.patch(admin, rule, json!({ "order": rng.random_range(-5..5) }))
            }
            3 => {
                let mode = ["live", "shadow", "off", "live"][rng.random_range(0..4)];
                let rule = ["balance_mismatch", "blocked_segment"][rng.random_range(0..2)];
                self.patch(admin, rule, json!({ "mode": mode }))
            }
            4 => {
                let rule = ["high_amount", "negative_amount", "self_transfer"][rng.random_range(0..3)];
                let wasm = self.build(module(rule));
                self.post(admin, wasm, &format!("another build of {rule}"))
            }
            5 => {
                let rule = ["high_amount", "negative_amount", "fickle"][rng.random_range(0..3)];
                self.ask(admin, "POST", format!("/rules/{rule}/rollback"), "application/json", Vec::new(), "")
            }
            6 => self.ask(admin, "DELETE", "/rules/self_transfer".to_owned(), "application/json", Vec::new(), ""),
            7 => self.post(admin, module("self_transfer"), "self_transfer as it was"),
            _ => self.good(admin),
        }
    }

    /// A custom section changes the module's sha256 and nothing else.
    fn build(&mut self, mut wasm: Vec<u8>) -> Vec<u8> {
        self.builds += 1;
        let number = self.builds.to_le_bytes();
        wasm.extend([0, 9, 4, b'n', b'o', b't', b'e']);
        wasm.extend(number);
        wasm
    }

    fn patch(&mut self, admin: u16, rule: &str, body: serde_json::Value) -> String {
        let (path, text) = (format!("/rules/{rule}"), body.to_string());
        self.ask(admin, "PATCH", path, "application/json", text.clone().into_bytes(), &text)
    }

    fn post(&mut self, admin: u16, wasm: Vec<u8>, what: &str) -> String {
        let what = format!("{what}, {}", &sha256(&wasm)[..12]);
        self.ask(admin, "POST", "/rules".to_owned(), "application/wasm", wasm, &what)
    }

    fn ask(
        &mut self,
        admin: u16,
        method: &'static str,
        path: String,
        kind: &'static str,
        body: Vec<u8>,
        what: &str,
    ) -> String {
        let said = format!("{method} {path} {what}");
        let (told, made) = (said.clone(), self.made.clone());
        self.under_way = Some(std::thread::spawn(move || match ask(admin, method, &path, kind, &body) {
            Some((200..300, _)) => {
                *made.lock().expect("nobody panics with it") += 1;
                format!("{told}: made")
            }
            Some((status, text)) => format!("{told}: {status} {}", text.replace('\n', " ")),
            None => format!("{told}: no answer"),
        }));
        said
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}
