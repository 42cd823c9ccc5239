//! A page: where it is and what it shows. What a visitor does with it is in `act`, and whether it is as it has to be in `check`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::find::Told;
use super::protocol::Event;
use super::{Browser, Look, watch};
use crate::wait::STILL;

/// Between two looks at a page.
const LOOK: Duration = Duration::from_millis(30);

/// A tab of one visitor.
pub struct Page<'b> {
    browser: &'b Browser,
    /// The visitor's cookies and storage, as the browser names them.
    context: String,
    pub(super) session: String,
    pub(super) name: String,
    pub(super) origin: String,
    pub(super) look: Look,
    /// Statuses of answers that the journey asks for, beside 2xx and 3xx.
    pub(super) expected: RefCell<BTreeSet<u16>>,
    /// Pictures so far.
    pub(super) pictures: Cell<u32>,
    /// The part of the page that the visitor looks at; None: all of it.
    pub(super) part: RefCell<Option<Told>>,
}

impl<'b> Page<'b> {
    pub(super) fn open(browser: &'b Browser, name: &str, look: &Look, origin: &str) -> Self {
        let made = browser.must("Target.createBrowserContext", json!({ "disposeOnDetach": true }));
        Self::tab_in(browser, text(&made, "browserContextId"), name, look, origin)
    }

    /// Another tab of the same visitor, who is signed in there, too. Whoever opens it checks it.
    pub fn tab(&self, name: &str) -> Self {
        Self::tab_in(self.browser, self.context.clone(), &format!("{}.{name}", self.name), &self.look, &self.origin)
    }

    /// The same at another origin: another instance, or a page of a stranger's.
    pub fn tab_at(&self, name: &str, origin: &str) -> Self {
        Self::tab_in(self.browser, self.context.clone(), &format!("{}.{name}", self.name), &self.look, origin)
    }

    fn tab_in(browser: &'b Browser, context: String, name: &str, look: &Look, origin: &str) -> Self {
        let made = browser.must("Target.createTarget", json!({ "url": "about:blank", "browserContextId": context }));
        let attach = json!({ "targetId": text(&made, "targetId"), "flatten": true });
        let page = Self {
            browser,
            context,
            session: text(&browser.must("Target.attachToTarget", attach), "sessionId"),
            name: name.to_owned(),
            origin: origin.trim_end_matches('/').to_owned(),
            look: *look,
            expected: RefCell::default(),
            pictures: Cell::new(0),
            part: RefCell::default(),
        };
        page.prepare();
        page
    }

    fn prepare(&self) {
        for domain in ["Page", "Runtime", "Network", "Log", "Audits", "DOM", "Accessibility"] {
            self.must(&format!("{domain}.enable"), json!({}));
        }
        self.must("Page.setLifecycleEventsEnabled", json!({ "enabled": true }));
        // Else a second tab, or a window that nobody looks at, has no focus.
        self.must("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        let Look { width, height, dark, scripts } = self.look;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.must("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        let motion = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        self.must("Emulation.setEmulatedMedia", json!({ "features": [scheme, motion] }));
        self.let_scripts_run(scripts);
    }

    fn let_scripts_run(&self, run: bool) {
        self.must("Emulation.setScriptExecutionDisabled", json!({ "value": !run }));
    }

    /// Lets a script of ours wait for something, which none can where scripts are off. Those of the page, which were passed over when
    /// it was read, do not come back.
    pub(super) fn with_scripts<T>(&self, run: impl FnOnce() -> T) -> T {
        self.let_scripts_run(true);
        let result = run();
        self.let_scripts_run(self.look.scripts);
        result
    }

    /// Puts another tab of the visitor before this one, which is hidden then.
    pub fn hide(&self) {
        let tab = json!({ "url": "about:blank", "browserContextId": self.context });
        let made = self.browser.must("Target.createTarget", tab);
        self.browser.must("Target.activateTarget", json!({ "targetId": text(&made, "targetId") }));
        self.must("Emulation.setFocusEmulationEnabled", json!({ "enabled": false }));
        self.becomes("hidden");
    }

    /// Brings it to the front again.
    pub fn show(&self) {
        self.must("Page.bringToFront", json!({}));
        self.must("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        self.becomes("visible");
    }

    fn becomes(&self, state: &str) {
        self.until(state, || {
            let now = self.value::<String>("document.visibilityState");
            (now == state).then_some(()).ok_or(now)
        });
    }

    /// A command to this page.
    pub(super) fn call(&self, method: &str, params: Value) -> Result<Value, String> {
        self.browser.protocol.call(&self.session, method, params)
    }

    /// The same, where a refusal is a fault of the test.
    pub(super) fn must(&self, method: &str, params: Value) -> Value {
        self.call(method, params).unwrap_or_else(|why| panic!("{why}"))
    }

    /// What has happened in this page so far, from the first on.
    pub(super) fn read<T>(&self, look: impl FnOnce(&[&Event]) -> T) -> T {
        self.browser.protocol.read(&self.session, look)
    }

    /// Ends the visitor's tab, with cookies and storage.
    pub(super) fn close(&self) {
        let _ =
            self.browser.protocol.call("", "Target.disposeBrowserContext", json!({ "browserContextId": self.context }));
    }

    /// Waits until `look` gives a value. A document that is replaced meanwhile begins the wait anew; one that stays as it is may take
    /// [`STILL`].
    ///
    /// # Panics
    /// After that, with what was missing last.
    pub(super) fn until<T>(&self, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
        let (mut document, mut moved) = (self.document(), Instant::now());
        loop {
            let why = match look() {
                Ok(value) => return value,
                Err(why) => why,
            };
            let now = self.document();
            if now != document {
                (document, moved) = (now, Instant::now());
            }
            assert!(moved.elapsed() < STILL, "{}: {what}: {why}", self.name);
            sleep(LOOK);
        }
    }

    /// The document that the main frame shows, by the browser's name for it.
    pub(super) fn document(&self) -> Option<String> {
        self.read(|events| {
            let navigated = events.iter().rev().filter(|event| event.method == "Page.frameNavigated");
            let main = navigated.map(|event| &event.params["frame"]).find(|frame| frame["parentId"].is_null());
            Some(main?["loaderId"].as_str()?.to_owned())
        })
    }

    /// Whether this document, its styles and scripts are there.
    pub(super) fn is_loaded(&self, document: &str) -> bool {
        let is_it = |event: &Event| {
            event.method == "Page.lifecycleEvent"
                && event.params["name"] == "load"
                && event.params["loaderId"] == document
        };
        self.read(|events| events.iter().any(|event| is_it(event)))
    }

    /// Opens an address of the journey's origin, as one who types it, and waits until it is there.
    pub fn go(&self, path: &str) {
        let address = format!("{}{path}", self.origin);
        let answer = self.must("Page.navigate", json!({ "url": address }));
        assert!(answer["errorText"].is_null(), "{}: {address}: {}", self.name, answer["errorText"]);
        let Some(document) = answer["loaderId"].as_str() else { return };
        self.until(&address, || self.is_loaded(document).then_some(()).ok_or("it is not loaded".into()));
    }

    /// Path and query of what the page shows.
    pub fn address(&self) -> String {
        let address = self.value::<String>("location.href");
        address.strip_prefix(&self.origin).unwrap_or(&address).to_owned()
    }

    /// HTTP's status of the document.
    pub fn status(&self) -> u16 {
        let document = self.document();
        let is_it = |event: &Event| {
            event.method == "Network.responseReceived"
                && event.params["type"] == "Document"
                && event.params["loaderId"].as_str() == document.as_deref()
        };
        self.read(|events| {
            let answered = events.iter().rev().find(|event| is_it(event));
            let status = answered.and_then(|event| event.params["response"]["status"].as_u64());
            status.and_then(|status| u16::try_from(status).ok()).unwrap_or(0)
        })
    }

    /// The journey asks for an answer with this status, 400 or above; the console's line about it is no error of the page then.
    pub fn expect_status(&self, status: u16) {
        self.expected.borrow_mut().insert(status);
    }

    /// What a person reads on the page.
    pub fn text(&self) -> String {
        self.value("document.body ? document.body.innerText : ''")
    }

    /// Waits until the page says so.
    pub fn says(&self, text: &str) {
        self.until(&format!("the page should say {text:?}"), || {
            let all = self.text();
            all.contains(text).then_some(()).ok_or_else(|| format!("it says:\n{all}"))
        });
    }

    /// The value of an expression of JavaScript, by the browser itself: also where no script of the page runs.
    pub fn value<T: serde::de::DeserializeOwned>(&self, expression: &str) -> T {
        self.until(expression, || {
            let value = self.evaluate(json!({ "expression": expression }))?;
            serde_json::from_value(value.clone()).map_err(|why| format!("{why}: {value}"))
        })
    }

    /// `Runtime.evaluate`, and what it gives.
    pub(super) fn evaluate(&self, mut params: Value) -> Result<Value, String> {
        params["returnByValue"] = true.into();
        params["awaitPromise"] = true.into();
        returned(self.call("Runtime.evaluate", params)?)
    }
}

fn text(answer: &Value, key: &str) -> String {
    answer[key].as_str().unwrap_or_else(|| panic!("{key}: {answer}")).to_owned()
}

/// The value of a script's answer.
///
/// # Errors
/// What it threw.
pub(super) fn returned(mut answer: Value) -> Result<Value, String> {
    match answer.get("exceptionDetails") {
        Some(thrown) => Err(watch::thrown(thrown)),
        None => Ok(answer["result"]["value"].take()),
    }
}
