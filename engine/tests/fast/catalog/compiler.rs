//! The process that compiles a stranger's bytes: what it may do, and what its end says.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use weir::rules::Refused;

use crate::catalog::fixture::{Fixture, script};
use crate::catalog::module::Guest;

/// A file of the process.
fn told(pid: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap()
}

/// Soft and hard, as `/proc/PID/limits` has them.
fn limit(pid: u32, name: &str) -> Option<(String, String)> {
    let limits = told(pid, "limits");
    let mut rest = limits.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace();
    Some((rest.next()?.to_owned(), rest.next()?.to_owned()))
}

/// A compiler that has set its limits and waits for a module.
struct Waiting(Child);

impl Waiting {
    fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (waiting, began) = (Self(child), Instant::now());
        // What it sets last.
        let nice = || told(waiting.0.id(), "stat").rsplit_once(')').unwrap().1.split(' ').nth(17).unwrap().to_owned();
        while nice() != "10" {
            assert!(began.elapsed() < weir_testkit::wait::STILL, "nice {}", nice());
            std::thread::sleep(Duration::from_millis(5));
        }
        waiting
    }

    fn has(&self, limits: &[(&str, &str)]) {
        for (name, most) in limits {
            assert_eq!(limit(self.0.id(), name), Some((most.to_string(), most.to_string())), "{name}");
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn the_compiler_opens_and_writes_no_file_starts_nothing_and_yields() {
    let compiler = Waiting::start(Command::new(env!("CARGO_BIN_EXE_weir")).arg("compile-module"));
    compiler.has(&[
        ("Max open files", "16"),
        ("Max file size", "0"),
        ("Max processes", "0"),
        ("Max core file size", "0"),
        ("Max cpu time", "10"),
        ("Max address space", "1073741824"),
    ]);
    let status = told(compiler.0.id(), "status");
    assert!(status.lines().any(|line| line == "NoNewPrivs:\t1"), "{status}");
}

#[test]
fn limits_that_whoever_started_the_engine_set_lower_stand() {
    let limited = format!("ulimit -n 12 && ulimit -t 5 && exec '{}' compile-module", env!("CARGO_BIN_EXE_weir"));
    let compiler = Waiting::start(Command::new("sh").args(["-c", &limited]));
    compiler.has(&[("Max open files", "12"), ("Max cpu time", "5"), ("Max file size", "0")]);
}

/// What comes of a publish if this befalls its compiler.
async fn refused_by(body: &str) -> Refused {
    let fixture = Fixture::new();
    let compiler = fixture.folder.path().join("other");
    script(&compiler, body);
    fixture.try_open(compiler).await.unwrap().try_publish(&Guest::new("steady")).await.unwrap_err()
}

#[tokio::test]
async fn a_compiler_that_the_machine_kills_says_nothing_of_the_module() {
    let refused = refused_by("kill -KILL $$").await;
    assert!(matches!(refused, Refused::Compiler(_)), "{refused:?}");
    assert!(refused.to_string().contains("out of memory"), "{refused}");
    // Past its own limits, however, it is the module's doing.
    let refused = refused_by("kill -XCPU $$").await;
    assert!(matches!(refused, Refused::Module(_)), "{refused:?}");
}

#[tokio::test]
async fn a_compiler_that_panics_is_not_told_as_a_module_too_large() {
    let refused = refused_by("exit 101").await;
    assert!(matches!(refused, Refused::Module(_)), "{refused:?}");
    assert!(refused.to_string().contains("the compiler panicked over this module (exit status: 101)"), "{refused}");
}
