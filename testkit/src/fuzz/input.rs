//! Values out of a target's bytes, in order. Past the end there are zeros, so every input means something.

pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At most so many bytes.
    pub(crate) fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        let taken = self.take(8);
        bytes[..taken.len()].copy_from_slice(taken);
        u64::from_le_bytes(bytes)
    }

    /// Its length is before it.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let most = self.byte().into();
        self.take(most)
    }

    pub(crate) fn maybe_bytes(&mut self) -> Option<&'a [u8]> {
        match self.byte() {
            0 => None,
            most => Some(self.take(usize::from(most) - 1)),
        }
    }

    /// Up to the first byte that is none of a text's.
    pub(crate) fn text(&mut self) -> &'a str {
        self.bytes().utf8_chunks().next().map_or("", |chunk| chunk.valid())
    }
}

/// What is before the first RS, and what follows it.
pub(crate) fn parted(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == RS) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}

/// ASCII's record separator, which is in no JSON or TOML that is any good.
pub const RS: u8 = 0x1e;
