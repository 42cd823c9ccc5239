//! The process that compiles a stranger's bytes: what it may do, and what its end says.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use weir::rules::Refused;

use crate::bench::{Bench, script};
use crate::module::Guest;

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

#[test]
fn the_compiler_opens_and_writes_no_file_starts_nothing_and_yields() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    let child = command.arg("compile-module").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let (pid, began) = (child.id(), Instant::now());
    // It is as it will be when it has set the last of them, and reads the module then.
    let nice = |pid| told(pid, "stat").rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap().to_owned();
    while nice(pid) != "10" {
        assert!(began.elapsed() < Duration::from_secs(20), "nice {}", nice(pid));
        std::thread::sleep(Duration::from_millis(5));
    }
    for (name, most) in [
        ("Max open files", "16"),
        ("Max file size", "0"),
        ("Max processes", "0"),
        ("Max core file size", "0"),
        ("Max cpu time", "10"),
        ("Max address space", "1073741824"),
    ] {
        assert_eq!(limit(pid, name), Some((most.to_owned(), most.to_owned())), "{name}");
    }
    assert!(told(pid, "status").lines().any(|line| line == "NoNewPrivs:\t1"), "{}", told(pid, "status"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn limits_that_whoever_started_the_engine_set_lower_stand() {
    let weir = env!("CARGO_BIN_EXE_weir");
    let limited = format!("ulimit -n 12 && ulimit -t 5 && exec '{weir}' compile-module");
    let mut command = Command::new("sh");
    let output = command.args(["-c", &limited]).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "it refuses what is no module, and does not fail itself: {said}");
    assert!(said.contains("not valid WebAssembly"), "{said}");
}

/// What comes of a publish if this befalls its compiler.
async fn refused_by(body: &str) -> Refused {
    let bench = Bench::new();
    let compiler = bench.folder.path().join("other");
    script(&compiler, body);
    bench.try_open(compiler).await.unwrap().try_publish(&Guest::new("steady")).await.unwrap_err()
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
