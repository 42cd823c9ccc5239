//! How bytes begin that should be JSON text and are something else: what wrote them is known by their first bytes. Only asked
//! about bytes that could not be read.

/// What the bytes are, and what to do; None: nothing is known of them.
pub fn foreign(bytes: &[u8]) -> Option<String> {
    let what = match bytes {
        [0xef, 0xbb, 0xbf, ..] => "begins with a byte order mark (EF BB BF); JSON has none, write it without",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'{', 0, ..] | [0, b'{', 0, ..] => "is UTF-16; write JSON as UTF-8",
        [0x1f, 0x8b, ..] => "is gzip; compress by the producer's compression.type, not the value itself",
        [0, a, b, c, d, _, ..] => {
            let id = u32::from_be_bytes([*a, *b, *c, *d]);
            return Some(format!(
                "begins with a zero byte and the schema id {id}, as serializers for Confluent's schema registry write (Avro, \
                 Protobuf, JSON Schema); Weir reads plain JSON, so send it by a serializer without a registry"
            ));
        }
        _ => return None,
    };
    Some(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrote_the_bytes_is_told_by_how_they_begin() {
        let cases: [(&[u8], &str); 6] = [
            (b"\xef\xbb\xbf{}", "byte order mark"),
            (b"\xff\xfe{\0}\0", "UTF-16"),
            (b"{\0}\0", "UTF-16"),
            (b"\0{\0}", "UTF-16"),
            (b"\0\0\0\x04\xd2{}", "schema id 1234"),
            (b"\x1f\x8b\x08", "gzip"),
        ];
        for (bytes, wanted) in cases {
            assert!(foreign(bytes).is_some_and(|said| said.contains(wanted)), "{bytes:?}: {:?}", foreign(bytes));
        }
        assert_eq!(foreign(b"{bad"), None);
        assert_eq!(foreign(b""), None);
    }
}
