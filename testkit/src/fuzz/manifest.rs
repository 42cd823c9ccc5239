//! What a module says of itself. A guest whose `describe` answers the bytes' manifest is uploaded; the catalog accepts only
//! what this pipeline can live by ([`super::module::check`]), and then it is what the module said.
//!
//! The bytes are a script: each entry is a letter and what follows it, and `w` overwrites a word of the memory.

use weir::model::catalog::Manifest;

use super::input::Input;
use super::module::check;
use crate::guest::Guest;

/// Free in the guest, up to 60,000.
const AT: u32 = 8_000;
const ROOM: usize = 52_000;

/// The target; the module says what must hold and how the bytes are read.
///
/// # Panics
/// Where it does not hold.
pub fn manifest(data: &[u8]) {
    let (said, memory) = image(&mut Input::new(data));
    if memory.len() > ROOM {
        return;
    }
    let bytes: String = memory.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let more = format!("(data (i32.const {AT}) \"{bytes}\")");
    let describe = format!("(return (i32.const {AT}))");
    // Judges nothing: what it says of its fields need not be so.
    let guest = Guest { more: &more, describe: &describe, each: "(br $end)", ..Guest::good("unused") };
    if let (Ok(manifest), Some(said)) = (check(&guest.core()), said) {
        assert_eq!(texts(&manifest), said, "another manifest than the module's");
    }
}

/// All texts of it, in order.
fn texts(m: &Manifest) -> Vec<String> {
    let own = [&m.name, &m.version, &m.summary].map(String::clone);
    let fields = m.fields.iter().map(|field| field.name.clone());
    let codes = m.codes.iter().flat_map(|code| [code.name.clone(), code.summary.clone()]);
    let parameters = m.parameters.iter().flat_map(|p| [p.name.clone(), p.summary.clone(), p.default.clone()]);
    own.into_iter().chain(fields).chain(codes).chain(parameters).collect()
}

/// Of a list: its texts and flags.
type Entry<'a> = (Vec<&'a [u8]>, [u8; 2]);

/// What is at `AT`, and what it says; None: a word of it was overwritten.
fn image(input: &mut Input<'_>) -> (Option<Vec<String>>, Vec<u8>) {
    let mut texts: [&[u8]; 3] = [b"said", b"1.0.0", b""];
    let mut lists: [Vec<Entry<'_>>; 3] = Default::default();
    let mut words = Vec::new();
    while !input.is_empty() {
        match input.byte() {
            b'n' => texts[0] = input.bytes(),
            b'v' => texts[1] = input.bytes(),
            b's' => texts[2] = input.bytes(),
            b'f' => lists[0].push((vec![input.bytes()], [input.byte() % 8, input.byte() % 3])),
            b'c' => lists[1].push((vec![input.bytes(), input.bytes()], [input.byte() % 3, 0])),
            b'p' => {
                let (name, kind) = (input.bytes(), input.byte() % 8);
                lists[2].push((vec![name, input.bytes(), input.bytes()], [kind, 0]));
            }
            b'w' => words.push((input.byte(), input.number() as u32)),
            _ => {}
        }
    }
    let mut memory = vec![0; 48];
    for (at, text) in texts.iter().enumerate() {
        put(&mut memory, at * 8, text);
    }
    let mut said = texts.to_vec();
    for (list, entries) in lists.iter().enumerate() {
        let from = memory.len();
        word(&mut memory, 24 + list * 8, AT + from as u32);
        word(&mut memory, 28 + list * 8, entries.len() as u32);
        let size = [12, 20, 28][list];
        memory.resize(from + size * entries.len(), 0);
        for (at, (texts, flags)) in entries.iter().enumerate() {
            entry(&mut memory, list, from + at * size, texts, *flags);
            said.extend(texts);
        }
        memory.resize(memory.len().next_multiple_of(4), 0);
    }
    let said = said.into_iter().map(|text| String::from_utf8(text.to_vec()).ok());
    let said = if words.is_empty() { said.collect() } else { None };
    for (at, value) in words {
        let at = usize::from(at) * 4 % memory.len();
        word(&mut memory, at, value);
    }
    (said, memory)
}

/// As the canonical ABI lays out a field, a code, a parameter.
fn entry(memory: &mut Vec<u8>, list: usize, at: usize, texts: &[&[u8]], flags: [u8; 2]) {
    put(memory, at, texts[0]);
    match list {
        0 => memory[at + 8..at + 10].copy_from_slice(&flags),
        1 => {
            put(memory, at + 8, texts[1]);
            memory[at + 16] = flags[0];
        }
        _ => {
            memory[at + 8] = flags[0];
            put(memory, at + 12, texts[1]);
            put(memory, at + 20, texts[2]);
        }
    }
}

/// The text to the end, and where it is to this place.
fn put(memory: &mut Vec<u8>, place: usize, text: &[u8]) {
    let at = AT + memory.len() as u32;
    word(memory, place, at);
    word(memory, place + 4, text.len() as u32);
    memory.extend(text);
    memory.resize(memory.len().next_multiple_of(4), 0);
}

fn word(memory: &mut [u8], at: usize, value: u32) {
    memory[at..at + 4].copy_from_slice(&value.to_le_bytes());
}
