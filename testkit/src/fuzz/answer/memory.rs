//! A list of hits as it is in a guest's memory: laid out, and read.

use super::super::input::Input;

/// Where the engine puts the amounts: the guest's heap begins at 64 KiB, and the one column's record of 28 bytes comes first.
pub(super) const DATA: u32 = 65_536 + 32;
/// What the guest has, and never more.
const MEMORY: u64 = 64 << 16;
/// Of a hit: row, code, and where its detail is.
const HIT: u32 = 16;
/// What an answer may surely take: a part of the limit on a call's answer.
const SURE: u64 = 256 << 10;

pub(super) struct Hit {
    pub(super) row: u32,
    pub(super) code: u16,
    pub(super) detail: String,
}

/// Mostly good hits of the input.
pub(super) fn laid_out(input: &mut Input<'_>) -> Vec<u8> {
    let mut hits = Vec::new();
    while !input.is_empty() && hits.len() < 64 {
        hits.push((input.byte(), input.byte(), input.bytes()));
    }
    let details: usize = hits.iter().map(|(_, _, detail)| detail.len()).sum();
    let size = 8 + hits.len() * HIT as usize + details;
    let rows = size.div_ceil(8) as u32 + 1;
    let count = hits.len() as u32;
    let mut memory = [DATA + 8, count].map(u32::to_le_bytes).concat();
    let mut at = DATA + 8 + count * HIT;
    for (row, code, detail) in &hits {
        let row = if *row < 250 { u32::from(*row) % rows } else { rows + u32::from(*row) - 250 };
        let code = if *code < 250 { u32::from(*code) & 1 } else { u32::from(*code) - 248 };
        let length = detail.len() as u32;
        memory.extend([row, code, at, length].map(u32::to_le_bytes).concat());
        at += length;
    }
    hits.iter().for_each(|(_, _, detail)| memory.extend(*detail));
    memory
}

/// The hits that an answer at the begin of this memory is; Err: it breaks the contract; None: it is elsewhere.
pub(super) fn hits(memory: &[u8], rows: usize, codes: usize) -> Option<Result<Vec<Hit>, ()>> {
    let word = |at: usize| u32::from_le_bytes(memory[at..at + 4].try_into().expect("four bytes"));
    let (list, count) = (word(0), word(4));
    let known = |at: u32, size: u64| {
        let from = at.checked_sub(DATA)? as usize;
        memory.get(from..from.checked_add(usize::try_from(size).ok()?)?).map(|_| from)
    };
    let within = |at: u32, size: u64| u64::from(at) + size <= MEMORY;
    let size = u64::from(count) * u64::from(HIT);
    if !list.is_multiple_of(4) || !within(list, size) || count as usize > rows * codes {
        return Some(Err(()));
    }
    if count == 0 {
        return Some(Ok(Vec::new()));
    }
    let from = known(list, size)?;
    let (mut hits, mut elsewhere, mut taken) = (Vec::new(), false, size * 2);
    for at in (from..from + size as usize).step_by(HIT as usize) {
        let (row, code, text, length) = (word(at), word(at + 4) as u16, word(at + 8), word(at + 12));
        if row as usize >= rows || usize::from(code) >= codes || !within(text, length.into()) {
            return Some(Err(()));
        }
        taken += u64::from(length);
        let detail = match known(text, length.into()) {
            Some(from) => std::str::from_utf8(&memory[from..from + length as usize]).map(str::to_owned),
            None if length == 0 => Ok(String::new()),
            None => {
                elsewhere = true;
                continue;
            }
        };
        match detail {
            Ok(detail) => hits.push(Hit { row, code, detail }),
            Err(_) => return Some(Err(())),
        }
    }
    (!elsewhere && taken <= SURE).then_some(Ok(hits))
}
