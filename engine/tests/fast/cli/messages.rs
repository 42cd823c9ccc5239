//! The messages of the commands that docs/errors.md lists and no other test provokes. None of them needs a service.

use std::path::Path;

use crate::cli::{CREDITCARD, refused, weir};
use weir_testkit::dirty_files::{FIELDS, csv, gzip, packed};

/// What `weir produce --dry-run` says of this input under this mapping.
fn said(folder: &Path, file: &str, mapping: &str, input: &[u8]) -> String {
    let (place, map) = (folder.join(file), folder.join("map.toml"));
    std::fs::write(&place, input).unwrap();
    std::fs::write(&map, mapping).unwrap();
    let (place, map) = (place.to_str().unwrap(), map.to_str().unwrap());
    refused(&["produce", "--dry-run", "--brokers", "b", "--topic", "t", "--mapping", map, place], 1)
}

#[test]
fn a_mapping_that_cannot_stand_says_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let fields = |from: &str, to: &str| {
        assert!(FIELDS.contains(from));
        FIELDS.replacen(from, to, 1)
    };
    let cases = [
        (fields("key = \"name\"", "key = \"nam\""), "x.csv", "key = \"nam\" is not one of [fields]; name one of them"),
        (fields("column = \"ts\", ", ""), "x.csv", "field event_time: give either `column` or `constant`"),
        (fields("\"amount\", ", "\"amount\", unit = \"s\", "), "x.csv", "are of a timestamp; take them out"),
        (
            fields("\"ts\", ", "\"ts\", zone = \"UTC\", "),
            "x.csv",
            "field event_time: `zone` is of no use without format",
        ),
        (
            format!("columns = [\"a\", \"a\"]\n{FIELDS}"),
            "x.csv",
            "columns: \"a\" stands twice; give each column a name",
        ),
        (format!("encoding = \"latin\"\n{FIELDS}"), "x.csv", "encoding = \"latin\" is not known; write for example"),
        (format!("delimiter = \"ab\"\n{FIELDS}"), "x.csv", "delimiter = \"ab\" should be one character of ASCII"),
        (format!("delimiter = '\"'\n{FIELDS}"), "x.csv", "delimiter, quote and escape should differ"),
        (FIELDS.to_owned(), "x.dat", "x.dat: neither .csv nor .jsonl; set `format` in the mapping"),
        (format!("format = \"whitespace\"\n{FIELDS}"), "x.dat", "format = \"whitespace\" needs `columns`"),
        (format!("delimiter = \";\"\n{FIELDS}"), "x.jsonl", "delimiter is of no use: the input is no CSV; take it out"),
    ];
    for (mapping, file, wanted) in cases {
        let said = said(folder.path(), file, &mapping, b"");
        assert!(said.starts_with("weir: ") && said.contains(wanted), "{wanted:?} stands not in: {said}");
    }
}

#[test]
fn an_input_that_cannot_be_read_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut damaged = gzip(&csv("1,1,a\n"));
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    let cases: [(&str, &str, &[u8], &str); 12] = [
        ("x.csv", FIELDS, b"", "the input is empty, and has no line that names the columns"),
        ("x.csv", FIELDS, b"\x28\xb5\x2f\xfd", "the input is compressed by zstd; unpack it and send the text"),
        ("x.csv", FIELDS, b"\xfd7zXZ", "the input is compressed by xz; unpack it"),
        ("x.csv", FIELDS, b"BZh9", "the input is compressed by bzip2; unpack it"),
        ("x.csv", FIELDS, b"PAR1", "the input is a Parquet file; unpack it"),
        ("x.csv", FIELDS, b"\xff\xfe\0\0", "the input is UTF-32, which is not read; convert it: iconv"),
        ("x.csv", FIELDS, &damaged, "the gzip input is damaged, or something follows it: "),
        ("x.csv", FIELDS, b"ts,amount,nam\n1,1,a\n", "no column \"name\"; the columns are "),
        ("x.csv", FIELDS, b"ts,amount,name\n1,1.000,5,a\n", "4 cells, expected 3"),
        ("x.csv", FIELDS, b"ts,amount,name\n1,$5,a\n", "is no decimal number, as 1234.56 is (set `decimal = \",\"`"),
        ("x.jsonl", FIELDS, b"{\"ts\":1,}\n", "(byte 9 of the line)"),
        ("x.csv", CREDITCARD, b"Time,Amount\n0,1\n", "no column \"Class\"; the columns are "),
    ];
    for (file, mapping, input, wanted) in cases {
        let said = said(folder.path(), file, mapping, input);
        assert!(said.contains(wanted), "{wanted:?} stands not in: {said}");
    }
    let days = FIELDS.replace("\"ts\", ", "\"ts\", format = \"%d.%m.%Y\", zone = \"UTC\", ");
    let told = said(folder.path(), "x.csv", &days, b"ts,amount,name\n30.02.2026,1,a\n");
    assert!(told.contains("\"30.02.2026\" is no time: the calendar does not have it"), "{told}");
    let (mark, mapping) =
        (b"\xef\xbb\xbfts,amount,name\n".as_slice(), format!("encoding = \"windows-1252\"\n{FIELDS}"));
    let told = said(folder.path(), "x.csv", &mapping, mark);
    assert!(
        told.contains("encoding = \"windows-1252\", but the input begins with the byte order mark of UTF-8"),
        "{told}"
    );
    let twice = packed(&gzip("a"));
    let told = said(folder.path(), "x.csv", FIELDS, &twice);
    assert!(told.contains("the input is gzip within gzip; unpack it"), "{told}");
}

#[test]
fn a_file_or_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_str().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("map.toml"), FIELDS).unwrap();
    std::fs::create_dir(at("x.csv")).unwrap();
    std::fs::create_dir(at("sdk")).unwrap();
    std::fs::write(at("sdk/Cargo.toml"), "[package]\nname = \"other\"\n").unwrap();
    let (map, csv, gone, json) = (at("map.toml"), at("x.csv"), at("gone.csv"), at("none/truth.json"));
    let produce = ["produce", "--dry-run", "--brokers", "b", "--topic", "t", "--mapping", &map];
    let (new, toml, out) = (at("round_amount"), at("weir.toml"), at("out.csv"));
    std::fs::write(&toml, "[pipeline\n").unwrap();
    let (sdk, key) = (at("sdk"), at("match"));
    let cases: Vec<(Vec<&str>, String)> = vec![
        ([&produce[..], &[&gone]].concat(), format!("cannot open {gone}: No such file")),
        ([&produce[..], &[&csv]].concat(), format!("{csv} is a directory; name a file, or - for standard input")),
        (vec!["generate", "--records", "1", "--out", &out, "--truth", &json], format!("cannot create {json}: No such")),
        (vec!["check", &gone], format!("cannot read {gone}: No such file")),
        (vec!["check", &toml], "line 1: ".to_owned()),
        (vec!["rules", "repair", "--config", &gone], format!("cannot read {gone}: No such file")),
        (vec!["rules", "check", &gone], format!("cannot read {gone}: No such file")),
        (vec!["rules", "list", "--token-file", &gone], format!("--token-file {gone}: No such file")),
        (vec!["demo", "--rules", &gone], "negative_amount.wasm: run `make rules`, which builds it".to_owned()),
        (vec!["rules", "new", &csv], "a rule's name is snake_case, like round_amount; \"x.csv\" is not".to_owned()),
        (vec!["rules", "new", &key], "match is a keyword of Rust and can't name a rule; take another".to_owned()),
        (vec!["rules", "new", &sdk], "sdk is there already; name a folder that is not there yet".to_owned()),
        (vec!["rules", "new", &new, "--sdk", &sdk], "is not weir-sdk: give the folder sdk/ of Weir".to_owned()),
        (vec!["rules", "new", &new], format!("{new} is in no workspace that has weir-sdk, which is not published")),
        (
            vec!["rules", "list", "--url", "http://127.0.0.1:1"],
            "no answer from http://127.0.0.1:1/rules (start the engine, or say where it is by --url".to_owned(),
        ),
    ];
    for (arguments, wanted) in cases {
        let said = refused(&arguments, 1);
        assert!(said.contains(&wanted) && said.lines().count() == 1, "{arguments:?}: {wanted:?} stands not in: {said}");
    }
    for (arguments, wanted) in [
        (
            vec!["generate", "--records", "1", "--start", "noon", "--out", here, "--truth", here],
            "write a time like 2026-01-01",
        ),
        (vec!["dead-letters", "list", "--brokers", "b", "-X", "nothing"], "write NAME=VALUE"),
        (vec!["dead-letters", "list"], "--brokers"),
    ] {
        let said = refused(&arguments, 2);
        assert!(said.contains(wanted), "{arguments:?}: {wanted:?} stands not in: {said}");
    }
    assert!(weir(&["--version"]).status.success());
}

#[test]
fn a_tail_of_alerts_without_a_topic_says_what_to_give() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../weir.toml");
    let said = refused(&["alerts", "tail", "--config", config], 1);
    assert!(said.contains("the configuration has no [alerts], so no topic: give --topic"), "{said}");
}
