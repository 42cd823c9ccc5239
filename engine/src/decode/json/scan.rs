//! Where a JSON value ends, eight bytes at a time, and sixteen where it is compared with what is known. Knows only
//! what is plain; whatever is not (an escape, a number with an exponent where a value is wanted) is None, and the slow way decides what it is. Never reads past the text: where fewer
//! than eight bytes are left zeros are in, which end every kind of value.

use serde::de::IgnoredAny;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
/// 10^18 is the greatest power of ten whose every lesser number fits an i64.
pub(super) const MOST_DIGITS: usize = 18;

/// A plain number: its digits without the point, and how many are behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) unscaled: i64,
    pub(super) fraction: usize,
    pub(super) digits: usize,
}

/// So many bytes from `at` on, if there are so many.
#[inline]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..at.wrapping_add(N))?.first_chunk()
}

/// Eight bytes from `at` on.
#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    chunk(bytes, at).map_or_else(|| last_word(bytes, at), |eight| u64::from_le_bytes(*eight))
}

/// Where there are fewer than eight. Kept out of the loops, which it would fill with its own conditions.
#[cold]
#[inline(never)]
fn last_word(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    match bytes.last_chunk() {
        _ if rest.is_empty() => 0,
        Some(last) => u64::from_le_bytes(*last) >> (64 - 8 * rest.len()),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// Sixteen bytes from `at` on.
#[inline]
fn long_word(bytes: &[u8], at: usize) -> u128 {
    chunk(bytes, at).map_or_else(|| last_long_word(bytes, at), |sixteen| u128::from_le_bytes(*sixteen))
}

#[cold]
#[inline(never)]
fn last_long_word(bytes: &[u8], at: usize) -> u128 {
    u128::from(word(bytes, at.wrapping_add(8))) << 64 | u128::from(word(bytes, at))
}

/// A text to compare with, as words: most are of a few, and then a call to `memcmp` costs more than the comparison.
#[derive(PartialEq)]
pub(super) struct Literal {
    /// The bytes of each word, and which of its bits count.
    words: Box<[(u128, u128)]>,
    length: usize,
}

impl Literal {
    /// The literal for a text without NULs, which stand for what is behind the end.
    pub(super) fn new(text: &[u8]) -> Self {
        let words = text.chunks(16).map(|chunk| (long_word(chunk, 0), u128::MAX >> (128 - 8 * chunk.len())));
        Self { words: words.collect(), length: text.len() }
    }

    /// Bytes of it.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Where it ends, if it is at `at`.
    #[inline]
    pub(super) fn end(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let mut place = at;
        for (text, counts) in &self.words {
            if (long_word(bytes, place) ^ text) & counts != 0 {
                return None;
            }
            place += 16;
        }
        Some(at + self.length)
    }
}

/// The high bit of each byte that is less than `than` (at most 128). Bytes above the first such one may be marked wrongly:
/// only the lowest mark is to be used.
fn less(word: u64, than: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(than)) & !word & HIGHS
}

fn equal(word: u64, to: u8) -> u64 {
    less(word ^ (ONES * u64::from(to)), 1)
}

/// Where the closing quote of a text is whose first character is at `at`. None: it has an escape or a control
/// character, or no end.
pub(super) fn text_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let word = word(bytes, at);
        let stops = equal(word, b'"') | equal(word, b'\\') | less(word, b' ');
        if stops != 0 {
            at += stops.trailing_zeros() as usize / 8;
            return (bytes.get(at) == Some(&b'"')).then_some(at);
        }
        at += 8;
    }
}

/// How many digits a word begins with.
#[inline]
fn digits_of(word: u64) -> usize {
    let values = word ^ (ONES * u64::from(b'0'));
    // 0x76 + 10 is 0x80; without their high bits no byte carries into the next.
    let others = (((values & !HIGHS) + ONES * 0x76) | values) & HIGHS;
    others.trailing_zeros() as usize / 8
}

/// The number that the first `count` (0 to 8) digits of a word are.
#[inline]
fn value_of(word: u64, count: usize) -> u64 {
    // Zeros in front. Then pairs, then fours, then all eight, each step for all at once.
    let digits = (word ^ (ONES * u64::from(b'0'))).unbounded_shl(64 - 8 * count as u32);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let (low, high) = (pairs & 0x0000_00ff_0000_00ff, pairs >> 16 & 0x0000_00ff_0000_00ff);
    low.wrapping_mul(0x000f_4240_0000_0064).wrapping_add(high.wrapping_mul(0x0000_2710_0000_0001)) >> 32
}

/// Digits in a row, and what is behind them.
struct Digits {
    /// Wraps where they are more than a u64 holds.
    value: u64,
    count: usize,
    /// 0 at the end.
    next: u8,
}

/// The digits at `at`.
#[inline]
fn digits(bytes: &[u8], at: usize) -> Digits {
    let word = word(bytes, at);
    match digits_of(word) {
        8 => many_digits(bytes, at, word),
        count => Digits { value: value_of(word, count), count, next: (word >> (8 * count)) as u8 },
    }
}

/// Digits in a row of which the first eight are known already, as `first`.
#[inline(never)]
fn many_digits(bytes: &[u8], at: usize, first: u64) -> Digits {
    let (mut value, mut count) = (value_of(first, 8), 8);
    loop {
        let word = word(bytes, at + count);
        let more = digits_of(word);
        value = value.wrapping_mul(POWERS[more] as u64).wrapping_add(value_of(word, more));
        count += more;
        if more < 8 {
            return Digits { value, count, next: (word >> (8 * more)) as u8 };
        }
    }
}

/// 10^n.
pub(super) const POWERS: [i64; MOST_DIGITS + 1] = {
    let mut powers = [1; MOST_DIGITS + 1];
    let mut n = 1;
    while n < powers.len() {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// The number at `at` and where it ends, if it has no exponent and not too many digits.
#[inline]
pub(super) fn number(bytes: &[u8], at: usize) -> Option<(Plain, usize)> {
    let negative = bytes.get(at) == Some(&b'-');
    let first = at + usize::from(negative);
    let Digits { mut value, count: whole, mut next } = digits(bytes, first);
    if whole == 0 || whole > 1 && bytes[first] == b'0' {
        return None;
    }
    let (mut fraction, mut end) = (0, first + whole);
    if next == b'.' {
        let behind = digits(bytes, end + 1);
        (fraction, next) = (behind.count, behind.next);
        end += 1 + fraction;
        if fraction == 0 || fraction > MOST_DIGITS {
            return None;
        }
        value = value.wrapping_mul(POWERS[fraction] as u64).wrapping_add(behind.value);
    }
    if whole + fraction > MOST_DIGITS || next | 0x20 == b'e' {
        return None;
    }
    let unscaled = if negative { -(value as i64) } else { value as i64 };
    Some((Plain { unscaled, fraction, digits: whole + fraction }, end))
}

/// Where the number at `at` ends, by the grammar of RFC 8259.
#[inline]
pub(super) fn number_end(bytes: &[u8], at: usize) -> Option<usize> {
    let first = at + usize::from(bytes.get(at) == Some(&b'-'));
    let (mut end, mut next) = digits_end(bytes, first)?;
    if bytes[first] == b'0' && end > first + 1 {
        return Some(first + 1);
    }
    if next == b'.' {
        (end, next) = digits_end(bytes, end + 1)?;
    }
    if next | 0x20 == b'e' {
        end += 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        (end, _) = digits_end(bytes, end)?;
    }
    Some(end)
}

/// Past the digits at `at`, and the byte there, 0 at the end; None: there is none.
#[inline]
fn digits_end(bytes: &[u8], at: usize) -> Option<(usize, u8)> {
    let mut end = at;
    loop {
        let word = word(bytes, end);
        let count = digits_of(word);
        end += count;
        if count < 8 {
            return (end > at).then_some((end, (word >> (8 * count)) as u8));
        }
    }
}

/// Where any value at `at` ends, if it follows the grammar.
pub(super) fn value_end(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    match bytes.get(at)? {
        b'"' => match text_end(bytes, at + 1) {
            Some(quote) => Some(quote + 1),
            None => end_by_serde(text, at),
        },
        b'-' | b'0'..=b'9' => number_end(bytes, at),
        b't' => word_end(bytes, at, b"true"),
        b'f' => word_end(bytes, at, b"false"),
        b'n' => word_end(bytes, at, b"null"),
        b'{' | b'[' => end_by_serde(text, at),
        _ => None,
    }
}

pub(super) fn word_end(bytes: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    bytes[at..].starts_with(word).then_some(at + word.len())
}

/// Texts with escapes, arrays and objects say themselves where they end; how they may look is serde_json's business.
fn end_by_serde(text: &str, at: usize) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(at + values.byte_offset())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_ends_at_its_quote_wherever_that_is() {
        for length in 0..40 {
            for follows in ["", ",", ",\"another\":\"text\""] {
                let text = format!("{}\"{follows}", "x".repeat(length));
                assert_eq!(text_end(text.as_bytes(), 0), Some(length), "{text}");
            }
            assert_eq!(text_end("x".repeat(length).as_bytes(), 0), None, "no end");
            for odd in ['\\', '\n', '\0', '\u{1f}'] {
                let text = format!("{}{odd}\"", "x".repeat(length));
                assert_eq!(text_end(text.as_bytes(), 0), None, "{text:?}");
            }
            let text = format!("{}é\u{80}\u{7f} \"", "ü".repeat(length));
            assert_eq!(text_end(text.as_bytes(), 0), Some(text.len() - 1));
        }
    }

    #[test]
    fn a_literal_stands_only_where_all_of_it_does() {
        let text: String = ('a'..='z').collect();
        for from in 0..text.len() {
            for to in from + 1..=text.len() {
                let literal = Literal::new(&text.as_bytes()[from..to]);
                assert_eq!(literal.end(text.as_bytes(), from), Some(to));
                assert_eq!(literal.end(&text.as_bytes()[..to], from), Some(to), "at the end");
                assert_eq!(literal.end(&text.as_bytes()[..to - 1], from), None, "cut");
                let mut other = text.clone().into_bytes();
                other[to - 1] ^= 1;
                assert_eq!(literal.end(&other, from), None);
            }
        }
    }

    #[test]
    fn numbers_that_are_not_plain_are_left_to_the_slow_way() {
        for odd in [
            "",
            "-",
            "+1",
            ".5",
            "1.",
            "01",
            "-01.5",
            "1e3",
            "1.5E2",
            "x",
            "1234567890123456789",
            "0.1234567890123456789",
        ] {
            assert_eq!(number(odd.as_bytes(), 0), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_number_is_its_digits(
            negative: bool, whole in 0_i64..1_000_000_000_000, fraction in proptest::option::of("[0-9]{1,17}"), tail in "([,}\\] ]{1,9})?"
        ) {
            prop_assume!(whole.to_string().len() + fraction.as_ref().map_or(0, String::len) <= MOST_DIGITS);
            let sign = if negative { "-" } else { "" };
            let behind = fraction.as_ref().map(|digits| format!(".{digits}")).unwrap_or_default();
            let text = format!("{sign}{whole}{behind}");
            let digits: i64 = format!("{whole}{}", fraction.clone().unwrap_or_default()).parse().unwrap();
            let (plain, end) = number(format!("{text}{tail}").as_bytes(), 0).unwrap();
            prop_assert_eq!(end, text.len());
            prop_assert_eq!(plain.unscaled, if negative { -digits } else { digits });
            prop_assert_eq!(plain.fraction, fraction.map_or(0, |digits| digits.len()));
        }

        #[test]
        fn a_value_ends_where_serde_json_ends_it(text in "[-+0-9.eE\"\\\\tfnrualsx\\[\\]{},: ]{0,24}") {
            let mut values = serde_json::Deserializer::from_str(&text).into_iter::<IgnoredAny>();
            // Between a number or a word and what follows serde_json wants a delimiter, which the template's literal is.
            let ours = value_end(&text, 0);
            if let Some(Ok(_)) = values.next() && !text.starts_with(' ') {
                prop_assert_eq!(ours, Some(values.byte_offset()));
            } else if let Some(end) = ours {
                let alone = serde_json::from_str::<IgnoredAny>(&text[..end]);
                prop_assert!(alone.is_ok(), "{:?} is no value", &text[..end]);
            }
        }
    }
}
