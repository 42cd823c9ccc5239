//! An engine whose console has people, and what its visitors do again and again.

use std::cell::RefCell;
use std::time::Duration;

use serde_json::{Value, json};
use weir_testkit::broker::{Place, Record};
use weir_testkit::browser::{Browser, Look, Page};
use weir_testkit::pipeline::TestPipeline;
use weir_testkit::pipeline::api::ask_as;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::wait;

/// May read, values and publish.
pub(super) const ANA: &str = "ana";
/// May read and values.
pub(super) const BEN: &str = "ben";
/// May read.
pub(super) const CEM: &str = "cem";

const SOON: Duration = Duration::from_secs(60);

/// A page may weigh so much over the wire, with all that it loads.
pub(super) const MOST_BYTES: u64 = 60 * 1_024;

/// The token of one of the three.
pub(super) fn token(who: &str) -> String {
    format!("{who}-of-the-journeys-1")
}

/// A pipeline with the five rules and one worker, whose `amount` is for those alone who may see values.
pub(super) fn sensitive(name: &str) -> TestPipeline {
    let amount = r#"amount = { kind = "decimal", scale = 2, required = true }"#;
    let hidden = r#"amount = { kind = "decimal", scale = 2, required = true, sensitive = true }"#;
    TestPipeline::new(name).with_workers(1).with(amount, hidden)
}

/// A running engine, and a browser for those who look at its console.
pub(super) struct Console {
    browser: Browser,
    pub(super) engine: RefCell<Engine>,
    pub(super) pipeline: TestPipeline,
}

impl Console {
    /// Adds the people to its configuration, starts it and waits until it is ready.
    pub(super) fn start(pipeline: TestPipeline) -> Self {
        add_people(&pipeline);
        let mut engine = pipeline.start();
        pipeline.until_ready(&mut engine);
        Self { browser: Browser::start(), engine: RefCell::new(engine), pipeline }
    }

    /// Where the console is.
    pub(super) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.pipeline.admin)
    }

    /// A journey of one of the people, who has signed in and sees the first page.
    pub(super) fn visit<T>(&self, name: &str, look: &Look, who: &str, walk: impl FnOnce(&Page<'_>) -> T) -> T {
        self.visit_unknown(name, look, |page| {
            page.go("/console/");
            sign_in(page, who);
            page.sees("heading", "Now");
            walk(page)
        })
    }

    /// A journey of somebody who has not signed in.
    pub(super) fn visit_unknown<T>(&self, name: &str, look: &Look, walk: impl FnOnce(&Page<'_>) -> T) -> T {
        self.browser.visit(name, look, &self.origin(), walk)
    }

    /// What the API answers ana; it must succeed.
    pub(super) fn get(&self, path: &str) -> Value {
        self.asks("GET", path, &Value::Null)
    }

    /// A request of ana's with a body of JSON; it must succeed.
    pub(super) fn asks(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.sends(method, path, "application/json", &body)
    }

    /// Publishes a module as ana, beside the console.
    pub(super) fn publish(&self, wasm: &[u8]) -> Value {
        self.sends("POST", "/rules", "application/wasm", wasm)
    }

    fn sends(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Value {
        let answer = ask_as(Some(&token(ANA)), self.pipeline.admin, method, path, kind, body);
        let (status, text) = answer.unwrap_or_else(|| panic!("{method} {path}: no answer"));
        assert!((200..300).contains(&status), "{method} {path}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|why| panic!("{method} {path}: {why}: {text}"))
    }

    /// A rule of the set in force.
    pub(super) fn rule(&self, name: &str) -> Value {
        self.get(&format!("/rules/{name}"))["rule"].clone()
    }

    /// The revision of the rule set in force.
    pub(super) fn revision(&self) -> u64 {
        self.get("/rules")["revision"].as_u64().expect("a revision")
    }

    /// Sets parameters of a rule as ana, beside the console.
    pub(super) fn set(&self, rule: &str, parameters: &Value) {
        self.asks("PATCH", &format!("/rules/{rule}"), &json!({ "parameters": parameters }));
    }

    /// Sends the records to the first partition, one after another, and waits until they are judged; where they are.
    pub(super) fn judges(&self, records: &[Record]) -> Vec<Place> {
        let to: Vec<_> = records.iter().map(|record| (0, record.clone())).collect();
        let places = self.pipeline.send_all(&to);
        self.is_at_the_end();
        places
    }

    /// Until all records of the topic are judged and their letters are there.
    pub(super) fn is_at_the_end(&self) {
        let end = self.pipeline.end();
        self.engine.borrow_mut().until("all records are in checkpoints", SOON, || self.pipeline.position() >= end);
    }

    /// The letter of a record, as the API tells it.
    pub(super) fn letter_of(&self, place: Place) -> Value {
        let (partition, offset) = place;
        let path = format!("/dead-letters?position={partition}@{offset}");
        wait::until_some(&path, || {
            let answer = self.get(&path);
            answer["letters"][0].as_object().map(|letter| Value::Object(letter.clone())).ok_or(answer)
        })
    }

    /// Until the reader that all pages share has read so many letters.
    pub(super) fn has_read(&self, letters: u64) {
        wait::until_some("letters in memory", || {
            let read = self.get("/dead-letters/groups")["read"].as_u64().unwrap_or_default();
            if read >= letters { Ok(()) } else { Err(read) }
        });
    }
}

/// Where a letter or a record is, as pages and addresses write it.
pub(super) fn position(of: &Value) -> String {
    format!("{}@{}", of["partition"], of["offset"])
}

/// Adds ana, ben and cem to the configuration of a pipeline.
pub(super) fn add_people(pipeline: &TestPipeline) {
    let mut text = std::fs::read_to_string(pipeline.config()).expect("the configuration");
    for (who, may) in [(ANA, r#""read", "values", "publish""#), (BEN, r#""read", "values""#), (CEM, r#""read""#)] {
        text += &format!("\n[admin.people.{who}]\ntoken = \"{}\"\nmay = [{may}]\n", token(who));
    }
    std::fs::write(pipeline.config(), text).expect("the folder is writable");
}

/// Signs in on the page that asks for a token.
pub(super) fn sign_in(page: &Page<'_>, who: &str) {
    page.sees("heading", "Sign in");
    page.fill("Your token", &token(who));
    page.follow("button", "Sign in");
}

/// A payment with the columns of PaySim. `amount`: as it is to be in the record, a number or a text.
pub(super) fn payment(amount: &str, from: &str, to: &str) -> Record {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970");
    payment_at(now.as_millis() as i64, amount, from, to)
}

/// The same at an event time, in epoch milliseconds.
pub(super) fn payment_at(event_time: i64, amount: &str, from: &str, to: &str) -> Record {
    let value = format!(
        "{{\"event_time\":{event_time},\"type\":\"TRANSFER\",\"amount\":{amount},\"name_orig\":{},\"name_dest\":{}}}",
        json!(from),
        json!(to)
    );
    Record { key: Some(from.as_bytes().to_vec()), value: Some(value.into_bytes()), ..Record::default() }
}

/// The text of the row of a table that begins with this, once it is there; a page without scripts is shown anew meanwhile.
pub(super) fn row(page: &Page<'_>, first: &str) -> String {
    let script = format!(
        "[...document.querySelectorAll('tr')].find(row =>
            row.querySelector('th[scope=row]')?.innerText.split('\\n')[0].trim() === {})?.innerText ?? null",
        json!(first)
    );
    wait::until_some(&format!("a row of {first}"), || page.value::<Option<String>>(&script).ok_or_else(|| page.text()))
}

/// Until the row of a table that begins with `first` has this text.
pub(super) fn row_says(page: &Page<'_>, first: &str, text: &str) {
    wait::until_some(&format!("{text:?} in the row of {first}"), || {
        row(page, first).contains(text).then_some(()).ok_or(())
    });
}

/// Until the page says this; one without scripts is shown anew meanwhile.
pub(super) fn comes_to_say(page: &Page<'_>, has_scripts: bool, text: &str) {
    wait::until_some(&format!("the page says {text:?}"), || {
        if page.text().contains(text) {
            return Ok(());
        }
        if !has_scripts {
            page.reload();
        }
        Err(())
    });
}

/// What the visitor gets for a download.
pub(super) fn downloads(page: &Page<'_>, path: &str) -> String {
    page.value(&format!("fetch({}).then(answer => answer.text())", json!(path)))
}

/// Ends an engine as an operator does; it must end well.
pub(super) fn ends(console: Console) {
    console.engine.into_inner().stop();
}
