//! A Chromium of the test's own: a process with a fresh profile, which is told what to do over a pipe. It ends with the value, and
//! also when this process dies, for it ends when its pipe is closed.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to end by itself.
const END: Duration = Duration::from_secs(10);

/// The protocol is spoken on the descriptors 3 and 4, which a child gets from a shell without `unsafe`.
const ON_THE_PIPE: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >&2"#;

/// Commands that are a Chromium, in the order in which they are tried; `WEIR_CHROMIUM` wins over them.
const COMMANDS: [&str; 4] = ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"];

/// No window, no traffic of its own, nothing that differs between two runs. The sandbox needs rights that a container does not give,
/// and the pages are ours. No name leads anywhere, so a page that asks another host is seen and reaches nobody.
const FLAGS: [&str; 24] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-startup-window",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-search-engine-choice-screen",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-features=Translate,MediaRouter,OptimizationHints,HttpsUpgrades",
    "--metrics-recording-only",
    "--password-store=basic",
    "--mute-audio",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// The process and its profile.
pub(super) struct Process {
    child: Child,
    profile: tempfile::TempDir,
}

impl Process {
    /// Starts it; what it reads and writes is the protocol.
    pub(super) fn start() -> (Self, ChildStdin, ChildStdout) {
        let profile = tempfile::tempdir().expect("a folder for a profile");
        let log = File::create(profile.path().join("log")).expect("the folder is writable");
        let mut command = Command::new("sh");
        command.args(["-c", ON_THE_PIPE]).arg(executable()).args(FLAGS);
        command.arg(format!("--user-data-dir={}", profile.path().join("profile").display()));
        // Its own, for what a distribution's script before it reads and writes.
        command
            .env("HOME", profile.path())
            .env_remove("CHROMIUM_FLAGS")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY");
        command
            .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
            .env("DBUS_SYSTEM_BUS_ADDRESS", "disabled:")
            .env("TZ", "UTC");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().expect("there is a shell");
        let to = child.stdin.take().expect("it is piped");
        let from = child.stdout.take().expect("it is piped");
        (Self { child, profile }, to, from)
    }

    /// What it wrote to standard error, for a person.
    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(self.profile.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Process {
    /// The caller has told it to end. A folder whose files it still writes could not be removed.
    fn drop(&mut self) {
        let end = Instant::now() + END;
        while Instant::now() < end && self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn executable() -> PathBuf {
    if let Some(given) = std::env::var_os("WEIR_CHROMIUM") {
        return given.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<_> = std::env::split_paths(&path).collect();
    let found =
        COMMANDS.iter().find_map(|name| places.iter().map(|place| place.join(name)).find(|file| file.is_file()));
    found.unwrap_or_else(|| {
        panic!("none of {COMMANDS:?} is installed: stack/install test, or name one in WEIR_CHROMIUM")
    })
}
