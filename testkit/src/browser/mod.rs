//! A real browser that walks through pages as a person does, and says at each of them what no person would see.
//!
//! A test is a [`journey`]: a visitor with a [`Look`] (dark, narrow, without scripts) who opens pages, reads, clicks, types and tabs.
//! [`Page`] finds what a person would name (`button`, "Publish"), by what assistive technology is told, so a control that has no role
//! or name cannot be clicked here either. At [`Page::check`], and at the end of each journey, it has to hold:
//!
//! - axe-core finds no barrier in the page (`testkit/axe`);
//! - the console has no error, and no exception was thrown that nobody caught;
//! - nothing was against the page's Content-Security-Policy, nor against what it only reports;
//! - no request went to another origin;
//! - the page is not wider than the window.
//!
//! Each check leaves a picture in `target/screenshots/`, to be looked at and not compared; a journey that fails leaves one as well.
//!
//! The browser is a Chromium or a Chrome of the distribution, spoken to over its pipe by the few hundred lines below (`protocol`).
//! Why none of what there is:
//!
//! | what | why not |
//! |---|---|
//! | `playwright-core` | As steady, and it does more than is asked for. But its Node has to be newer than the one of Debian 12 and Ubuntu 24.04 (20 or later), and it would be a second language beside the fixtures, which are in Rust: each test would begin a script that cannot ask the engine, the store or the broker anything. |
//! | `chromiumoxide`, `headless_chrome` | 111,000 and 33,000 generated lines with a type for each message. What a newer browser says is dropped, and so "no error was reported" would hold for the wrong reason: Debian brings a new Chromium every few weeks. The first needs `reqwest`, which deny.toml bans; the second gives up by the clock, so a busy machine makes it fail. |
//! | `fantoccini` with chromium-driver | WebDriver tells nothing of the console, of requests or of the policy, and is a server more. |

mod act;
mod axe;
mod check;
mod find;
mod keys;
mod page;
mod picture;
mod process;
mod protocol;
mod site;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

pub use check::Cookie;
pub use find::Told;
pub use keys::Key;
pub use page::Page;
pub use site::Site;

use process::Process;
use protocol::Protocol;

/// How a visitor looks at the pages.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Of the window, in CSS pixels.
    pub width: u32,
    /// Of the window, in CSS pixels.
    pub height: u32,
    /// Whether the visitor prefers dark colors.
    pub dark: bool,
    /// Whether scripts of the page run.
    pub scripts: bool,
}

impl Look {
    /// A window on a desk, light, with scripts.
    pub const DESK: Self = Self { width: 1_280, height: 900, dark: false, scripts: true };
    /// A narrow telephone.
    pub const NARROW: Self = Self { width: 360, height: 740, ..Self::DESK };
    /// Dark colors.
    pub const DARK: Self = Self { dark: true, ..Self::DESK };
    /// Without scripts.
    pub const PLAIN: Self = Self { scripts: false, ..Self::DESK };
}

/// A browser, which has any number of visitors; it ends with the value.
pub struct Browser {
    // Dropped first: the process ends when it is told to.
    protocol: Protocol,
    process: Process,
}

impl Browser {
    /// Starts one with an empty profile.
    pub fn start() -> Self {
        let (process, to, from) = Process::start();
        Self { protocol: Protocol::new(to, from), process }
    }

    /// A command to the browser itself, which it does not refuse.
    fn must(&self, method: &str, params: serde_json::Value) -> serde_json::Value {
        self.protocol.call("", method, params).unwrap_or_else(|why| panic!("{why}"))
    }

    /// A journey of a visitor with cookies of their own. `name`: of its pictures. `origin`: where the pages are, as `http://127.0.0.1:8080`.
    ///
    /// # Panics
    /// Where the walk does, or where one of its pages is not as the module says; a picture is taken first.
    pub fn visit<T>(&self, name: &str, look: &Look, origin: &str, walk: impl FnOnce(&Page<'_>) -> T) -> T {
        let page = Page::open(self, name, look, origin);
        let walked = catch_unwind(AssertUnwindSafe(|| {
            let result = walk(&page);
            page.check("end");
            page.close();
            result
        }));
        walked.unwrap_or_else(|why| {
            // The browser itself may be what is gone.
            let _ = catch_unwind(AssertUnwindSafe(|| page.tell()));
            println!("the browser said:\n{}", self.process.said());
            resume_unwind(why)
        })
    }
}

/// A journey with a browser of its own; see [`Browser::visit`].
///
/// # Panics
/// As [`Browser::visit`].
pub fn journey<T>(name: &str, look: &Look, origin: &str, walk: impl FnOnce(&Page<'_>) -> T) -> T {
    Browser::start().visit(name, look, origin, walk)
}
