//! Numbers, texts and blobs of a chunk, which docs/formats.md names: how they are appended, and how they are read where they are.

/// A u32.
pub(super) fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend(u32::try_from(count).expect("a record's headers, hits and fields are far below 2^32").to_le_bytes());
}

/// A u64 whose bits are all set for none.
pub(super) fn put_length(bytes: &mut Vec<u8>, length: Option<usize>) {
    bytes.extend(length.map_or(u64::MAX, |length| length as u64).to_le_bytes());
}

/// Its length and its bytes.
pub(super) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_blob(bytes, Some(text.as_bytes()));
}

/// Its length and its bytes; a length whose bits are all set stands for none.
pub(super) fn put_blob(bytes: &mut Vec<u8>, blob: Option<&[u8]>) {
    match blob {
        None => bytes.extend(u32::MAX.to_le_bytes()),
        Some(blob) => {
            put_count(bytes, blob.len());
            bytes.extend(blob);
        }
    }
}

/// What the outbox held is not what this version writes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the outbox chunk is damaged or of another version at byte {at}: {what}")]
pub struct Damaged {
    /// Byte of the chunk.
    pub at: usize,
    /// What was wanted there.
    pub what: &'static str,
}

/// Where a chunk is read.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Nothing more is read.
    pub(super) fn end(&mut self) {
        self.at = self.bytes.len();
    }

    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Damaged> {
        let taken = self.at.checked_add(count).and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(Damaged { at: self.at, what })?;
        self.at += count;
        Ok(taken)
    }

    pub(super) fn byte(&mut self, what: &'static str) -> Result<u8, Damaged> {
        Ok(self.take(1, what)?[0])
    }

    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Damaged> {
        Ok(self.take(N, what)?.try_into().expect("take gives as many as asked for"))
    }

    pub(super) fn count(&mut self, what: &'static str) -> Result<u32, Damaged> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn number(&mut self, what: &'static str) -> Result<u64, Damaged> {
        self.array(what).map(u64::from_le_bytes)
    }

    pub(super) fn signed(&mut self, what: &'static str) -> Result<i64, Damaged> {
        self.array(what).map(i64::from_le_bytes)
    }

    pub(super) fn length(&mut self) -> Result<Option<usize>, Damaged> {
        let at = self.at;
        match self.number("a length")? {
            u64::MAX => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| Damaged { at, what: "a length" }),
        }
    }

    pub(super) fn blob(&mut self, what: &'static str) -> Result<Option<&'a [u8]>, Damaged> {
        match self.count(what)? {
            u32::MAX => Ok(None),
            length => self.take(length as usize, what).map(Some),
        }
    }

    pub(super) fn optional_text(&mut self, what: &'static str) -> Result<Option<&'a str>, Damaged> {
        let at = self.at;
        let text = self.blob(what)?.map(std::str::from_utf8).transpose();
        text.map_err(|_| Damaged { at, what: "UTF-8 text" })
    }

    pub(super) fn text(&mut self, what: &'static str) -> Result<&'a str, Damaged> {
        let at = self.at;
        self.optional_text(what)?.ok_or(Damaged { at, what })
    }
}
