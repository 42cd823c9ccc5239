//! The binary from outside: what it writes, what it says when something is wrong, and its exit codes.

mod agree;
mod api;
mod datasets;
mod messages;
mod new_rule;
mod slips;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use weir::cli::produce::{Mapping, Produced, records};

const PAYSIM: &str = include_str!("../../../mappings/paysim.toml");
const CREDITCARD: &str = include_str!("../../../mappings/creditcard.toml");
const CDNOW: &str = include_str!("../../../mappings/cdnow.toml");

fn weir(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).args(arguments).output().unwrap()
}

fn generate(folder: &Path, seed: &str, more: &[&str]) -> (String, Value) {
    let (out, truth) = (folder.join("out.csv"), folder.join("truth.json"));
    let fixed = ["generate", "--records", "20000", "--seed", seed];
    let files = ["--out", out.to_str().unwrap(), "--truth", truth.to_str().unwrap()];
    let output = weir(&[&fixed[..], &files, more].concat());
    assert!(output.status.success(), "{output:?}");
    let truth = std::fs::read_to_string(truth).unwrap();
    (std::fs::read_to_string(out).unwrap(), serde_json::from_str(&truth).unwrap())
}

fn made(mapping: &str, file: &str, input: &str) -> Vec<Produced> {
    let mapping = Mapping::parse(mapping).unwrap().for_input(Path::new(file)).unwrap();
    records(std::io::Cursor::new(input.to_owned()), mapping).map(Result::unwrap).collect()
}

fn text(produced: &Produced) -> &str {
    std::str::from_utf8(&produced.value).unwrap()
}

fn refused(arguments: &[&str], code: i32) -> String {
    let output = weir(arguments);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Exact cents of a text with two fraction digits.
fn cents(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.')?;
    (fraction.len() == 2).then(|| format!("{whole}{fraction}").parse().ok()).flatten()
}

#[test]
fn a_shell_completes_commands_by_what_completions_prints() {
    let script = weir(&["completions", "bash"]);
    assert!(script.status.success(), "{script:?}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weir.bash");
    std::fs::write(&file, script.stdout).unwrap();
    let completed = |words: &str| {
        let asked = format!(". {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))", file.display());
        let ask = format!("{asked}; _weir weir \"${{COMP_WORDS[-1]}}\" x; echo \"${{COMPREPLY[@]}}\"");
        let output = Command::new("bash").args(["-c", &ask]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(completed("weir ru"), "run rules");
    assert_eq!(completed("weir rules ro"), "rollback");
    for shell in ["zsh", "fish"] {
        let script = weir(&["completions", shell]);
        assert!(script.status.success() && !script.stdout.is_empty(), "{script:?}");
    }
}

#[test]
fn the_printed_schema_makes_the_tables_of_the_configuration() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../weir.toml");
    let output = weir(&["schema", file.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let sql = String::from_utf8(output.stdout).unwrap();
    for part in [
        "CREATE TABLE IF NOT EXISTS weir_partition (",
        "`risk_stats` (",
        "`amount_sum` DECIMAL(38,2)",
        "VIEW `risk_stats_final`",
    ] {
        assert!(sql.contains(part), "{part}: {sql}");
    }
    assert!(sql.lines().all(|line| line.ends_with(';')) && !sql.contains("secret"), "{sql}");
}

/// What an upgrade needs, from the database itself; it is asked with the rights of the engine's user.
#[test]
fn the_pending_schema_is_what_the_database_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let (config, database) = (folder.path().join("weir.toml"), folder.path().join("weir.db"));
    let toml = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../weir.toml")).unwrap();
    let url = toml.lines().find(|line| line.starts_with("url = ") && line.contains("mysql")).expect("[sink] url");
    std::fs::write(&config, toml.replace(url, &format!("url = \"sqlite://{}\"", database.display()))).unwrap();
    let schema = |more: &[&str]| {
        let output = weir(&[&["schema", config.to_str().unwrap()], more].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let sqlite3 = |sql: &str| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let database = sqlx::SqlitePool::connect(&format!("sqlite://{}", database.display())).await.unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&database).await.unwrap();
            database.close().await;
        });
    };
    let without_view = |sql: &str| sql.replace("DROP VIEW IF EXISTS `risk_stats_final`;\n", "");
    assert_eq!(without_view(&schema(&["--pending"])), without_view(&schema(&[])), "the database is empty");
    sqlite3(&schema(&[]));
    assert_eq!(schema(&["--pending"]), "-- the database has everything that this version needs\n");
    sqlite3("DROP TABLE weir_audit; DELETE FROM weir_schema WHERE version = 2");
    let lacks = schema(&["--pending"]);
    assert_eq!(lacks.lines().count(), 2, "{lacks}");
    assert!(lacks.starts_with("CREATE TABLE IF NOT EXISTS weir_audit (") && lacks.contains("VALUES (2, "), "{lacks}");
}

#[test]
fn the_same_seed_gives_the_same_file_and_another_seed_another() {
    let folder = tempfile::tempdir().unwrap();
    let first = generate(folder.path(), "7", &[]);
    assert_eq!(first, generate(folder.path(), "7", &[]));
    assert_ne!(first.0, generate(folder.path(), "8", &[]).0);
}

/// Judges by the CSV alone, in the engine's order, and sums what is left.
#[test]
fn the_truth_equals_a_naive_recomputation_from_the_csv() {
    let folder = tempfile::tempdir().unwrap();
    let (csv, truth) = generate(folder.path(), "3", &[]);
    let (mut dead, mut windows) = (Vec::new(), BTreeMap::<(i64, String), (u64, u64, i128, i128, i128)>::new());
    let mut newest = i64::MIN;
    for (number, row) in csv::Reader::from_reader(csv.as_bytes()).into_records().enumerate() {
        let row = row.unwrap();
        let time: i64 = row[11].parse().unwrap();
        let code = match cents(&row[2]) {
            _ if !row[13].is_empty() => Some("PARSE_JSON"),
            _ if row[2].is_empty() => Some("FIELD_MISSING"),
            None if row[2].contains('.') => Some("FIELD_RANGE"),
            None => Some("FIELD_KIND"),
            _ if time > 4_000_000_000_000 => Some("EVENT_TIME_AHEAD"),
            _ if time < newest.saturating_sub(2_000 + 3_600_000) => Some("LATE"),
            Some(amount) if amount < 0 => Some("AMOUNT_NEGATIVE"),
            _ if row[3].starts_with("C_BLOCKED_") => Some("BLOCKED_SEGMENT"),
            Some(_) => None,
        };
        if let Some(code) = code {
            dead.push(serde_json::json!([number, code]));
            continue;
        }
        newest = newest.max(time);
        let (amount, old, new) = (cents(&row[2]).unwrap(), cents(&row[4]).unwrap(), cents(&row[5]).unwrap());
        let expected = if &row[1] == "CASH_IN" { old + amount } else { (old - amount).max(0) };
        let flagged = expected != new || row[3] == row[6] || amount > 20_000_000;
        let start = time.div_euclid(5_000) * 5_000;
        let sums = windows.entry((start, row[1].to_owned())).or_insert((0, 0, 0, i128::MAX, i128::MIN));
        *sums = (sums.0 + 1, sums.1 + u64::from(flagged), sums.2 + amount, sums.3.min(amount), sums.4.max(amount));
    }
    assert_eq!(Value::from(dead), truth["dead_letters"]["rows"]);
    let told: BTreeMap<_, _> = truth["windows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|window| {
            let amount = |name: &str| cents(window[name].as_str().unwrap()).unwrap();
            let key = (window["window_start"].as_i64().unwrap(), window["type"].as_str().unwrap().to_owned());
            let counts = (window["records"].as_u64().unwrap(), window["flagged"].as_u64().unwrap());
            (key, (counts.0, counts.1, amount("amount_sum"), amount("amount_min"), amount("amount_max")))
        })
        .collect();
    assert_eq!(windows, told);
}

#[test]
fn every_kind_of_dirt_is_planted_and_none_in_a_clean_file() {
    let folder = tempfile::tempdir().unwrap();
    let codes = |truth: &Value| -> Vec<String> {
        truth["dead_letters"]["by_code"].as_object().unwrap().keys().cloned().collect()
    };
    let all = [
        "AMOUNT_NEGATIVE",
        "BLOCKED_SEGMENT",
        "EVENT_TIME_AHEAD",
        "FIELD_KIND",
        "FIELD_MISSING",
        "FIELD_RANGE",
        "LATE",
        "PARSE_JSON",
    ];
    assert_eq!(codes(&generate(folder.path(), "1", &[]).1), all);
    assert!(codes(&generate(folder.path(), "1", &["--clean"]).1).is_empty());
}

#[test]
fn paysim_rows_keep_their_amounts_and_their_dirt() {
    let header = "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,newbalanceDest,isFraud,isFlaggedFraud,event_time,tx_id,raw\n";
    let rows = "1,DEBIT,9007199254740993.10,C1,1,0,M1,0,1,0,0,5,0,\n1,DEBIT,twelve,C1,1,0,M1,0,1,0,0,5,1,\n1,DEBIT,,C1,1,0,M1,0,1,0,0,5,2,\n1,DEBIT,1,C9,1,0,M1,0,1,0,0,5,3,{bad\n";
    let made = made(PAYSIM, "x.csv", &format!("{header}{rows}"));
    assert!(text(&made[0]).starts_with(r#"{"amount":9007199254740993.10,"event_time":5,"#));
    assert!(text(&made[1]).starts_with(r#"{"amount":"twelve","#));
    assert!(!text(&made[2]).contains("amount"));
    assert_eq!(made[3], Produced { line: 5, key: "C9".to_owned(), value: b"{bad".to_vec() });
}

#[test]
fn cdnow_dates_become_times() {
    let made = made(CDNOW, "CDNOW_master.txt", " 00001 19970101  1   11.77\n");
    let wanted = r#"{"amount":11.77,"count":1,"event_time":852076800000,"name_orig":"00001","type":"PURCHASE"}"#;
    assert_eq!((made[0].key.as_str(), text(&made[0])), ("00001", wanted));
}

#[test]
fn json_lines_keep_the_digits_of_their_numbers() {
    let mapping = "key = \"who\"\n[fields]\nwho = { column = \"w\", kind = \"text\" }\namount = { column = \"a\", kind = \"decimal\", shift = -2 }";
    assert_eq!(
        text(&made(mapping, "x.jsonl", r#"{"w":"C1","a":9007199254740993}"#)[0]),
        r#"{"amount":90071992547409.93,"who":"C1"}"#
    );
}

#[test]
fn a_bad_line_is_one_clear_line_with_file_line_column_and_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (input, mapping) = (folder.path().join("bad.csv"), folder.path().join("map.toml"));
    std::fs::write(&mapping, CREDITCARD).unwrap();
    let cases: [(&[u8], &str); 3] = [
        (b"Time,Amount,Class\n0,1.00\n", "2: 2 cells, expected 3"),
        (
            b"Time,Amount,Class\nnoon,1.00,0\n",
            "2: column \"Time\", field event_time: \"noon\" is no timestamp; wanted seconds from `base` on",
        ),
        (
            b"Time,Amount,Class\n0,\xff,0\n",
            "2: invalid UTF-8; if the file is written otherwise, say so in the mapping: `encoding = \"windows-1252\"`",
        ),
    ];
    for (text, wanted) in cases {
        std::fs::write(&input, text).unwrap();
        let (input, mapping) = (input.to_str().unwrap(), mapping.to_str().unwrap());
        let said = refused(&["produce", "--brokers", "127.0.0.1:1", "--topic", "t", "--mapping", mapping, input], 1);
        let stopped = "(stopped at line 2: 0 records before it sent to t, none from it on)";
        assert_eq!(said, format!("weir: {input}:{wanted} {stopped}\n"));
    }
}

#[test]
fn a_file_that_is_not_there_is_one_clear_line_and_wrong_usage_is_two() {
    let said = refused(&["produce", "--brokers", "b", "--topic", "t", "--mapping", "/none.toml", "x.csv"], 1);
    assert_eq!(said, "weir: cannot read mapping /none.toml: No such file or directory (os error 2)\n");
    refused(&["generate", "--records", "many"], 2);
}

/// How a command ends whose output is a pipe that nobody reads any more.
fn unread(arguments: &[&str]) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    child.wait().unwrap().code()
}

#[test]
fn a_reader_that_has_gone_is_no_failure_and_a_full_disk_is_one_that_is_told() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../weir.toml");
    assert_eq!(unread(&["check", config]), Some(0));
    assert_eq!(unread(&["check", "no_such.toml"]), Some(1), "what is wrong is so, whether it is read or not");
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = |command: &mut Command| command.args(["check", config]).output().unwrap();
    let told = output(Command::new(env!("CARGO_BIN_EXE_weir")).stdout(full()));
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert_eq!(told.status.code(), Some(1), "{said}");
    assert!(said.contains("can't be printed") && said.contains("No space left"), "{said}");
    let mut nowhere = Command::new(env!("CARGO_BIN_EXE_weir"));
    let status = nowhere.args(["check", config]).stdout(full()).stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(1), "also where nobody hears of it");
}
