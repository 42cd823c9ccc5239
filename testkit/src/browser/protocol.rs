//! The DevTools protocol, as a Chromium speaks it over its pipe: JSON, each message ended by a zero. Commands are answered by their
//! number; what happens meanwhile comes as events. A thread reads; whoever asks waits for the answer.
//!
//! Untyped on purpose: a browser that sends a field, or an event, that nobody here knows is understood as before. Clients with a type
//! for each message drop what does not fit, and then a test that nothing was reported would hold for the wrong reason.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use crate::wait::STILL;

/// Events that somebody here reads; all others are dropped.
const KEPT: [&str; 12] = [
    "Audits.issueAdded",
    "Inspector.targetCrashed",
    "Log.entryAdded",
    "Network.loadingFinished",
    "Network.requestWillBeSent",
    "Network.responseReceived",
    "Network.webSocketCreated",
    "Page.frameNavigated",
    "Page.javascriptDialogOpening",
    "Page.lifecycleEvent",
    "Runtime.consoleAPICalled",
    "Runtime.exceptionThrown",
];

/// What happened in a page.
#[derive(Debug)]
pub(super) struct Event {
    /// The page's, as the browser names it.
    session: String,
    /// As `Log.entryAdded`.
    pub(super) method: String,
    pub(super) params: Value,
}

#[cfg(test)]
impl Event {
    pub(super) fn of(method: &str, params: Value) -> Self {
        Self { session: String::new(), method: method.to_owned(), params }
    }
}

/// A connection to one browser.
pub(super) struct Protocol {
    to: Mutex<Option<ChildStdin>>,
    next: AtomicU64,
    inbox: Arc<Inbox>,
}

#[derive(Default)]
struct Inbox {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Default)]
struct State {
    answers: HashMap<u64, Result<Value, String>>,
    events: Vec<Event>,
    /// Messages so far: what moves while somebody waits.
    seen: u64,
    /// The pipe is closed.
    ended: bool,
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, mut message: Value) {
        let mut state = self.state();
        state.seen += 1;
        match (message["id"].as_u64(), message["method"].as_str()) {
            (Some(id), _) => {
                let refused =
                    message.get("error").map(|error| error["message"].as_str().unwrap_or("refused").to_owned());
                let answer = refused.map_or_else(|| Ok(message["result"].take()), Err);
                state.answers.insert(id, answer);
            }
            (None, Some(method)) if KEPT.contains(&method) => {
                let session = message["sessionId"].as_str().unwrap_or_default().to_owned();
                let method = method.to_owned();
                state.events.push(Event { session, method, params: message["params"].take() });
            }
            _ => {}
        }
        drop(state);
        self.came.notify_all();
    }

    fn end(&self) {
        self.state().ended = true;
        self.came.notify_all();
    }
}

impl Protocol {
    pub(super) fn new(to: ChildStdin, from: ChildStdout) -> Self {
        let inbox = Arc::new(Inbox::default());
        let reading = inbox.clone();
        std::thread::spawn(move || {
            let (mut from, mut message) = (BufReader::new(from), Vec::new());
            while from.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                reading.take(serde_json::from_slice(&message).expect("a browser sends JSON"));
                message.clear();
            }
            reading.end();
        });
        Self { to: Mutex::new(Some(to)), next: AtomicU64::new(1), inbox }
    }

    /// Sends a command to a page, or, with an empty name, to the browser, and waits for its answer.
    ///
    /// # Errors
    /// The browser's word why it does not do it: a node that is gone, a page that is on its way to another one.
    ///
    /// # Panics
    /// Where the browser ended, or has been silent for [`STILL`].
    pub(super) fn call(&self, session: &str, method: &str, params: Value) -> Result<Value, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut command = json!({ "id": id, "method": method, "params": params });
        if !session.is_empty() {
            command["sessionId"] = session.into();
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = to.as_mut().map(|to| to.write_all(&bytes).and_then(|()| to.flush()));
        drop(to);
        assert!(matches!(sent, Some(Ok(()))), "{method}: the browser does not read its pipe: {sent:?}");
        self.answer(id, method)
    }

    fn answer(&self, id: u64, method: &str) -> Result<Value, String> {
        let (mut seen, mut moved) = (0, Instant::now());
        let mut state = self.inbox.state();
        loop {
            if let Some(answer) = state.answers.remove(&id) {
                return answer.map_err(|why| format!("{method}: {why}"));
            }
            let dialog = state.events.iter().find(|event| event.method == "Page.javascriptDialogOpening");
            assert!(dialog.is_none(), "{method}: a script asks in a dialog, which stops the page: {dialog:?}");
            assert!(!state.ended, "{method}: the browser ended");
            if state.seen != seen {
                (seen, moved) = (state.seen, Instant::now());
            }
            let left = STILL.checked_sub(moved.elapsed());
            let left = left.unwrap_or_else(|| panic!("{method}: the browser has been silent for {STILL:?}"));
            state = self.inbox.came.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What has happened in a page so far, from the first on.
    pub(super) fn read<T>(&self, session: &str, look: impl FnOnce(&[&Event]) -> T) -> T {
        let state = self.inbox.state();
        let events: Vec<&Event> = state.events.iter().filter(|event| event.session == session).collect();
        look(&events)
    }
}

impl Drop for Protocol {
    /// The browser ends when it is told to, and when its pipe closes; then the reader ends.
    fn drop(&mut self) {
        if let Some(mut to) = self.to.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        }
    }
}
