//! An input's bytes as UTF-8 text: unpacked where they are gzip, without their byte order mark, and decoded where the mark or
//! the mapping names another encoding. Nothing is replaced on the way: a byte that the encoding does not have becomes
//! [`MALFORMED`], which UTF-8 does not have either, so that the line that holds it is refused.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use flate2::bufread::MultiGzDecoder;

/// Stands where something could not be decoded.
const MALFORMED: u8 = 0xff;
/// Bytes of text that are decoded at a time.
const CHUNK: usize = 64 * 1024;

/// Some text, or why there is none.
pub(super) type Text = Box<dyn BufRead>;

/// The text of an input. `encoding`: what the mapping says.
pub(super) fn text_of(reader: impl BufRead + 'static, encoding: Option<&'static Encoding>) -> io::Result<Text> {
    let (mut head, mut bytes) = peeked(reader)?;
    if head.starts_with(&[0x1f, 0x8b]) {
        (head, bytes) = peeked(BufReader::new(MultiGzDecoder::new(bytes)))?;
    }
    if let Some(what) = archive(&head) {
        return Err(refused(format!("the input is {what}; unpack it and send the text (gzip alone is read as it is)")));
    }
    let (mark, length) = match Encoding::for_bom(&head) {
        Some((mark, length)) => (Some(mark), length),
        None => (None, 0),
    };
    if head.starts_with(&[0xff, 0xfe, 0, 0]) || head.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Err(refused("the input is UTF-32, which is not read; convert it: iconv -f UTF-32 -t UTF-8".to_owned()));
    }
    if let (Some(mark), Some(said)) = (mark, encoding)
        && mark != said
        && !(is_utf16(mark) && is_utf16(said))
    {
        let (said, mark) = (said.name(), mark.name());
        return Err(refused(format!(
            "the mapping says encoding = {said:?}, but the input begins with the byte order mark of {mark}"
        )));
    }
    if let (None, None, Some(likely)) = (mark, encoding, unmarked_utf16(&head)) {
        return Err(refused(format!(
            "the input looks like {likely} without a byte order mark; set encoding = {:?} in the mapping",
            likely.to_lowercase()
        )));
    }
    bytes.consume(length);
    match mark.or(encoding) {
        Some(other) if other != UTF_8 => Ok(Box::new(Decoded::new(bytes, other))),
        _ => Ok(bytes),
    }
}

/// The first four bytes, and a reader that still has them.
fn peeked(mut reader: impl BufRead + 'static) -> io::Result<(Vec<u8>, Text)> {
    let mut head = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut head)?;
    let whole = Cursor::new(head.clone()).chain(reader);
    Ok((head, Box::new(whole)))
}

fn archive(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x1f, 0x8b, ..] => Some("gzip within gzip"),
        [b'P', b'K', 3, 4] => Some("a zip archive (or a spreadsheet: save it as CSV)"),
        [0x28, 0xb5, 0x2f, 0xfd] => Some("compressed by zstd"),
        [0xfd, b'7', b'z', b'X'] => Some("compressed by xz"),
        [b'B', b'Z', b'h', b'1'..=b'9'] => Some("compressed by bzip2"),
        [b'P', b'A', b'R', b'1'] => Some("a Parquet file"),
        _ => None,
    }
}

fn is_utf16(encoding: &Encoding) -> bool {
    encoding == UTF_16LE || encoding == UTF_16BE
}

/// The UTF-16 that a text is in which begins with two characters of ASCII and has no mark.
fn unmarked_utf16(head: &[u8]) -> Option<&'static str> {
    match head {
        [a, 0, b, 0] if *a != 0 && *b != 0 => Some("UTF-16LE"),
        [0, a, 0, b] if *a != 0 && *b != 0 => Some("UTF-16BE"),
        _ => None,
    }
}

fn refused(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Decodes as it is read.
struct Decoded {
    bytes: Text,
    decoder: encoding_rs::Decoder,
    /// Decoded, and from `at` on not yet read.
    text: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Decoded {
    fn new(bytes: Text, encoding: &'static Encoding) -> Self {
        // The mark is gone already.
        let decoder = encoding.new_decoder_without_bom_handling();
        Self { bytes, decoder, text: Vec::new(), at: 0, ended: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        let bytes = self.bytes.fill_buf()?;
        let last = bytes.is_empty();
        self.text.resize(CHUNK, 0);
        self.at = 0;
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.text, last);
        self.bytes.consume(read);
        self.text.truncate(written);
        match result {
            DecoderResult::InputEmpty => self.ended = last,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => self.text.push(MALFORMED),
        }
        Ok(())
    }
}

impl BufRead for Decoded {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.text.len() && !self.ended {
            self.refill()?;
        }
        Ok(&self.text[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

impl Read for Decoded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let text = self.fill_buf()?;
        let count = text.len().min(into.len());
        into[..count].copy_from_slice(&text[..count]);
        self.consume(count);
        Ok(count)
    }
}
