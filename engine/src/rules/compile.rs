//! Compiles uploads in a child process of the engine's own binary: no cap on size bounds Cranelift, and a thread can't
//! be stopped.

use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::runtime::{Runtime, engine};

const GUEST: &str = "weir:rule/guest@0.1.0";
/// Of compiled code, in bytes: what is read from the child and from the cache.
pub(super) const MAX_CODE: u64 = 256 << 20;

/// Body of `weir compile-module`: wasm in, compiled code or an error text out.
pub fn compile_child() -> i32 {
    let limited = rlimit::setrlimit(rlimit::Resource::AS, 1 << 30, 1 << 30)
        .and_then(|()| rlimit::setrlimit(rlimit::Resource::CPU, 10, 10));
    let result = limited.map_err(|e| format!("the compiler's limits can't be set: {e}")).and_then(|()| {
        let mut wasm = Vec::new();
        std::io::stdin().read_to_end(&mut wasm).map_err(|e| e.to_string())?;
        compile(&wasm)
    });
    let (bytes, code) = match result {
        Ok(bytes) => (bytes, 0),
        Err(text) => (text.into_bytes(), 1),
    };
    if std::io::stdout().write_all(&bytes).is_err() { 1 } else { code }
}

fn compile(wasm: &[u8]) -> Result<Vec<u8>, String> {
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
        return Err(format!("a rule imports nothing, this module imports {}: remove them", imports.join(", ")));
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

/// At most 20, so that a hostile list does not become a hostile message.
fn listed(names: &[String]) -> String {
    match names.len() {
        0 => "nothing".to_owned(),
        n if n > 20 => format!("{} and {} more", names[..20].join(", "), n - 20),
        _ => names.join(", "),
    }
}

/// Compiles by the child; the error is for the author of the module.
pub(super) async fn compile_apart(runtime: &Runtime, wasm: &[u8]) -> Result<Vec<u8>, String> {
    let run = async {
        let mut child = tokio::process::Command::new(&runtime.compiler)
            .arg("compile-module")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
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
    match tokio::time::timeout(Duration::from_secs(15), run).await {
        Err(_) => Err("compiling took more than 15 s: make its functions smaller".into()),
        Ok(Err(e)) => Err(format!("the compiler process did not run: {e}")),
        Ok(Ok((status, out))) if status.success() => Ok(out),
        Ok(Ok((status, out))) if status.code() == Some(1) => Err(String::from_utf8_lossy(&out).into_owned()),
        Ok(Ok((status, _))) => {
            Err(format!("compiling exceeded 1 GiB or 10 s of CPU ({status}): make its functions smaller"))
        }
    }
}
