//! Whether a page is as every page has to be, and what can be measured of it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::{Page, axe, picture, watch};

/// A cookie, as the browser keeps it.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// What it says.
    pub value: String,
    /// No script of the page reads it.
    pub http_only: bool,
    /// It is sent over TLS only.
    pub secure: bool,
    /// `Strict`, `Lax` or `None`; None: the server did not say.
    pub same_site: Option<String>,
    /// When it ends, in epoch seconds; -1: with the browser.
    pub expires: f64,
}

impl Page<'_> {
    /// Looks whether the page is as every page has to be (see the module), and takes a picture of it, for which it comes to the
    /// front. `what`: of the picture.
    ///
    /// # Panics
    /// With all that is wrong.
    pub fn check(&self, what: &str) {
        self.picture(what);
        let mut faults = self.faults();
        let (wide, window) = self.value::<(u32, u32)>("[document.documentElement.scrollWidth, innerWidth]");
        if wide > window {
            faults.push(format!("the page is {wide} pixels wide, and the window {window}"));
        }
        // Only a page of ours can be mended: what the browser makes of plain text or JSON is its own affair.
        if self.value::<String>("document.contentType") == "text/html" {
            faults.extend(axe::barriers(self));
        }
        let (name, address) = (&self.name, self.address());
        assert!(faults.is_empty(), "{name}, {what}, {address}:\n- {}", faults.join("\n- "));
    }

    fn faults(&self) -> Vec<String> {
        self.read(|events| watch::faults(events, &self.origin, &self.expected.borrow()))
    }

    fn picture(&self, what: &str) {
        self.pictures.set(self.pictures.get() + 1);
        picture::take(self, &format!("{}.{:02}.{what}", self.name, self.pictures.get()));
    }

    /// A picture of what the window shows, as wide and high as the window, in `target/screenshots/NAME.png`: for a document.
    pub fn picture_of_the_window(&self, name: &str) {
        picture::take_window(self, name);
    }

    /// What the page shows, for whoever looks for the reason of a failure.
    pub(super) fn tell(&self) {
        self.picture("failed");
        println!("{} at {}, {:?}:\n{}", self.name, self.address(), self.look, self.text());
        for fault in self.faults() {
            println!("- {fault}");
        }
    }

    /// Bytes over the wire of the document and of what it loads, as far as the browser did not have it already.
    pub fn weight(&self) -> u64 {
        let document = self.document();
        self.read(|events| {
            let of = |method: &'static str| events.iter().filter(move |event| event.method == method);
            let asked = of("Network.requestWillBeSent").map(|event| &event.params);
            let asked = asked.filter(|params| params["loaderId"].as_str() == document.as_deref());
            let asked: BTreeSet<_> = asked.filter_map(|params| params["requestId"].as_str()).collect();
            let loaded = of("Network.loadingFinished").map(|event| &event.params);
            let loaded = loaded.filter(|params| params["requestId"].as_str().is_some_and(|id| asked.contains(id)));
            loaded.filter_map(|params| params["encodedDataLength"].as_f64()).sum::<f64>() as u64
        })
    }

    /// From the beginning of the navigation until something was painted.
    pub fn first_paint(&self) -> Duration {
        let paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime";
        Duration::from_secs_f64(self.value::<f64>(paint) / 1_000.0)
    }

    /// The visitor's cookies for this page.
    pub fn cookies(&self) -> Vec<Cookie> {
        let answer = self.must("Network.getCookies", json!({}));
        serde_json::from_value(answer["cookies"].clone()).unwrap_or_else(|why| panic!("{why}: {answer}"))
    }
}
