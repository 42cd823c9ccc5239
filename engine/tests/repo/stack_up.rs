//! What `stack/up` rests on: ports that no other stack has, and an answer that is the broker's own.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use weir_testkit::stack::root;

/// Those that it draws from.
const FIRST: u16 = 20_000;
const LAST: u16 = 31_999;

fn ask(script: &str, argument: &str, temporary: &Path) -> Output {
    let mut command = Command::new("python3");
    command
        .arg(root().join("stack").join(script))
        .arg(argument)
        .env("TMPDIR", temporary)
        .output()
        .expect("python3 is installed")
}

/// The folder of a stack that is there.
fn folder(of: &Path, name: &str) -> String {
    let folder = of.join(name);
    fs::create_dir(&folder).expect("writable");
    fs::write(folder.join(".weir-stack"), "").expect("writable");
    folder.display().to_string()
}

fn ports(output: &Output) -> Vec<u16> {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().map(|port| port.parse().expect("a port")).collect()
}

#[test]
fn the_ports_of_another_stack_are_left_to_it_though_nobody_listens_there() {
    let temporary = tempfile::tempdir().expect("a folder");
    let (one, other) = (folder(temporary.path(), "one"), folder(temporary.path(), "other"));
    assert_eq!(ports(&ask("ports.py", &one, temporary.path())).len(), 4);
    // All but a few are kept for the first.
    let mut entries = fs::read_dir(temporary.path()).expect("readable").map(|entry| entry.expect("readable").path());
    let kept = entries.find(|path| path.display().to_string().contains("weir-ports-")).expect("it keeps them");
    let left = |port: u16| port % 100 == 7;
    for port in (FIRST..=LAST).filter(|port| !left(*port)) {
        fs::write(kept.join(port.to_string()), &one).expect("writable");
    }
    let drawn = ports(&ask("ports.py", &other, temporary.path()));
    assert!(drawn.len() == 4 && drawn.iter().all(|port| left(*port)), "{drawn:?}");
}

#[test]
fn a_database_that_answers_is_no_broker() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port().to_string();
    let greeting = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("it asks");
        peer.write_all(b"\x5d\0\0\0\x0a10.11.19-MariaDB\0\x01\x02\x03\x04").expect("it reads");
        peer
    });
    let answer = ask("kafka-answers.py", &port, Path::new("/tmp"));
    drop(greeting.join());
    assert!(!answer.status.success(), "{answer:?}");
    assert!(String::from_utf8_lossy(&answer.stderr).contains("what answers is no broker"), "{answer:?}");
}
