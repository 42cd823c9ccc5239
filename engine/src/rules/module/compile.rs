//! Compiles uploads in a child process of the engine's own binary: no cap on size bounds Cranelift, and a thread can't
//! be stopped.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::runtime::{Runtime, engine};
use crate::rules::text::{shorten, shorten_to};

const GUEST: &str = "weir:rule/guest@0.1.0";
/// Size of the largest compiled code that is read from the child or from the cache, in bytes.
pub(in crate::rules) const MAX_CODE: u64 = 256 << 20;
/// Names that a list in a message has at most.
const NAMES: usize = 20;
const LIST: usize = 400;

/// Seconds of processor time that the child may take. It has one thread.
const CPU: u64 = 10;
/// The child's exit codes beside 0.
const REFUSED: i32 = 1;
const UNABLE: i32 = 3;

/// Why there is no code.
pub(in crate::rules) enum Failed {
    /// For the author of the module.
    Module(String),
    /// It ran out of time or was killed: the module's fault if it is new, the machine's if it passed before.
    Killed(String),
    /// No fault of the module: for whoever runs the engine.
    Engine(String),
}

/// Body of `weir compile-module`: wasm in, compiled code or an error text out.
pub fn compile_child() -> i32 {
    let result = limited().map_err(|e| Failed::Engine(format!("its limits can't be set: {e}"))).and_then(|()| {
        let mut wasm = Vec::new();
        std::io::stdin().read_to_end(&mut wasm).map_err(|e| Failed::Engine(e.to_string()))?;
        compile(&wasm).map_err(Failed::Module)
    });
    let (bytes, code) = match result {
        Ok(bytes) => (bytes, 0),
        Err(Failed::Module(text)) => (text.into_bytes(), REFUSED),
        Err(Failed::Engine(text) | Failed::Killed(text)) => (text.into_bytes(), UNABLE),
    };
    if std::io::stdout().write_all(&bytes).is_err() { UNABLE } else { code }
}

/// It reads a stranger's bytes: it opens and writes no file, starts nothing, and yields to the workers.
fn limited() -> std::io::Result<()> {
    use rlimit::Resource;
    for (resource, most) in [
        (Resource::AS, 1 << 30),
        (Resource::CPU, CPU),
        // stdin, stdout, stderr and what the reading of limits and names takes.
        (Resource::NOFILE, 16),
        (Resource::FSIZE, 0),
        (Resource::NPROC, 0),
        (Resource::CORE, 0),
    ] {
        // Where whoever started the engine allows less, that holds: without the right to it no limit can be raised.
        let most = most.min(resource.get_hard()?);
        rlimit::setrlimit(resource, most, most)?;
    }
    rustix::thread::set_no_new_privs(true)?;
    rustix::process::nice(10)?;
    Ok(())
}

/// Compiled code, or what is wrong with the module. Without limits: the engine compiles in the child only.
///
/// # Errors
/// The text says what is wrong with the module.
pub fn compile(wasm: &[u8]) -> Result<Vec<u8>, String> {
    let engine = engine().map_err(|e| format!("{e:#}"))?;
    wasmparser::Validator::new().validate_all(wasm).map_err(|e| format!("not valid WebAssembly: {e}"))?;
    if wasmparser::Parser::is_component(wasm) {
        return engine.precompile_component(wasm).map_err(|e| format!("{e:#}"));
    }
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut typed = false;
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        match payload.map_err(|e| e.to_string())? {
            wasmparser::Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(|e| e.to_string())?;
                    imports.push(format!("{}::{}", import.module, import.name));
                }
            }
            wasmparser::Payload::ExportSection(section) => {
                for export in section {
                    exports.push(export.map_err(|e| e.to_string())?.name.to_owned());
                }
            }
            wasmparser::Payload::CustomSection(s) => typed |= s.name().starts_with("component-type"),
            _ => {}
        }
    }
    if !imports.is_empty() {
        return Err(format!("a rule imports nothing, this module imports {}: remove them", listed(&imports)));
    }
    if !typed {
        return Err(format!("a core module without a component-type section: build it with weir-sdk ({GUEST})"));
    }
    let component = wit_component::ComponentEncoder::default()
        .module(wasm)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|e| format!("the module is no rule: {e:#}; it exports {}", listed(&exports)))?;
    engine.precompile_component(&component).map_err(|e| format!("{e:#}"))
}

/// So few and so short that a hostile list does not become a hostile message, and what is behind it is read.
pub(in crate::rules) fn listed(names: &[String]) -> String {
    let shown = &names[..names.len().min(NAMES)];
    let list = shorten_to(&shown.join(", "), LIST);
    match names.len() - shown.len() {
        0 if list.is_empty() => "nothing".to_owned(),
        0 => list,
        more => format!("{list} and {more} more"),
    }
}

/// Compiles by the child.
pub(in crate::rules) async fn compile_apart(runtime: &Runtime, wasm: &[u8]) -> Result<Vec<u8>, Failed> {
    let run = async {
        let mut child = tokio::process::Command::new(&runtime.compiler)
            .arg("compile-module")
            // Its environment may hold passwords.
            .env_clear()
            // Where the libraries of the binary are, if not where they are everywhere.
            .envs(std::env::var_os("LD_LIBRARY_PATH").map(|path| ("LD_LIBRARY_PATH", path)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            // A Ctrl-C in the engine's terminal is not for it: the engine ends it, or waits.
            .process_group(0)
            .spawn()?;
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let stdout = child.stdout.take().expect("stdout is piped");
        let feed = async move {
            // A child that died early leaves a broken pipe: its status says why.
            let _ = stdin.write_all(wasm).await;
        };
        let mut out = Vec::new();
        let mut capped = stdout.take(MAX_CODE);
        let (_, read) = tokio::join!(feed, capped.read_to_end(&mut out));
        read?;
        drop(capped);
        Ok::<_, std::io::Error>((child.wait().await?, out))
    };
    let began = Instant::now();
    let Ok(ended) = tokio::time::timeout(Duration::from_secs(15), run).await else {
        return Err(Failed::Killed("compiling took more than 15 s: make its functions smaller".into()));
    };
    let (status, out) = ended.map_err(|e| Failed::Engine(format!("{}: {e}", runtime.compiler.display())))?;
    if out.len() as u64 >= MAX_CODE {
        return Err(Failed::Module(format!("its compiled code has more than {MAX_CODE} bytes: make it smaller")));
    }
    let text = || shorten(&String::from_utf8_lossy(&out));
    match status.code() {
        Some(0) => Ok(out),
        Some(REFUSED) if !out.is_empty() => Err(Failed::Module(text())),
        // SIGHUP, SIGINT, SIGTERM: somebody stops the machine or the container.
        None if status.signal().is_some_and(|signal| [1, 2, 15].contains(&signal)) => {
            Err(Failed::Engine(format!("{} was stopped ({status})", runtime.compiler.display())))
        }
        // Before its own limit on processor time can have passed: the machine ran out of memory, or the container did.
        None if status.signal() == Some(9) && began.elapsed() < Duration::from_secs(CPU) => {
            let compiler = runtime.compiler.display();
            Err(Failed::Engine(format!("{compiler} was killed ({status}), as by a machine that is out of memory")))
        }
        // Another signal: the compiler ran into its limits, or the machine's.
        None => Err(Failed::Killed(format!(
            "compiling exceeded 1 GiB or 10 s of CPU ({status}): make its functions smaller"
        ))),
        // A panic, which a limit may be behind, too: of a thread that could not be made, for example.
        Some(101) => Err(Failed::Killed(format!(
            "the compiler panicked over this module ({status}), which is no statement about its size: make the function that was \
             added last simpler, and report the module"
        ))),
        Some(_) => Err(Failed::Engine(format!("{} gave {status} {}", runtime.compiler.display(), text()))),
    }
}
