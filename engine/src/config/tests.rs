use secrecy::ExposeSecret;

use super::*;

mod messages;
mod reference;
mod sensitive;

const MAIN: &str = include_str!("../../../weir.toml");

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, &|name| (name == "KNOWN").then(|| "s3cret".to_owned()))
}

fn error(text: &str) -> String {
    parse(text).expect_err("the configuration should be refused").to_string()
}

fn changed(from: &str, to: &str) -> String {
    assert!(MAIN.contains(from), "weir.toml has no {from:?}");
    MAIN.replacen(from, to, 1)
}

/// What of the repository's own file is replaced, by what, and what is said of it.
fn all_are_said(cases: &[(&str, &str, &str)]) {
    for (from, to, wanted) in cases {
        let error = error(&changed(from, to));
        assert!(error.contains(wanted), "{to:?} gave {error:?}, wanted {wanted:?}");
    }
}

#[test]
fn the_repository_s_own_file_parses_and_gives_the_schema() {
    let config = parse(MAIN).unwrap();
    let schema = config.schema().unwrap();
    let names: Vec<_> = schema.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "amount",
            "event_time",
            "name_dest",
            "name_orig",
            "new_balance_orig",
            "old_balance_org",
            "type",
            "customer.segment"
        ]
    );
    assert_eq!(schema.fields[0].scale, 2);
    assert_eq!(schema.fields[7].lookup.as_deref(), Some("customer"));
    let fingerprint = config.fingerprint();
    assert_eq!((fingerprint.window_ms, fingerprint.scales), (5_000, vec![("amount".to_owned(), 2)]));
}

#[test]
fn what_cannot_stand_is_named_with_its_key_and_what_to_write() {
    all_are_said(&[
        ("size = \"5s\"", "size = \"5s\"\nmax_groups = 0", "window.max_groups: should be 1 or more"),
        ("size = \"5s\"", "size = \"5s\"\nmax_behind = \"4s\"", "window.max_behind: should be window.size or more"),
        ("table = \"risk_stats\"", "table = \"risk_stats\"\nretention = \"90days\"", "Set window.max_behind below"),
        (
            "max_ahead = \"5m\"",
            "max_ahead = \"31m\"",
            "window.max_ahead: 31m should be 30m at most, half of window.allowed_lateness",
        ),
        (
            "allowed_lateness = \"1h\"",
            "allowed_lateness = \"1m\"",
            "window.max_ahead: 5m should be 30s at most, half of window.allowed_lateness",
        ),
        ("interval = \"1s\"", "interval = \"100ms\"", "checkpoint.interval: should be 200ms or more"),
        ("scale = 2, required", "scale = 11, required", "record.fields.amount.scale: 11 should be 10 at most"),
        (
            "kind = \"text\", required",
            "kind = \"text\", scale = 2, required",
            "record.fields.type.scale: only a decimal has a scale",
        ),
        (
            "type = { kind = \"text\"",
            "type = { unit = \"ms\", kind = \"text\"",
            "record.fields.type: has unit, format or zone, as only a timestamp has",
        ),
        (
            "{ segment = { kind = \"text\" } }",
            "{ segment = { kind = \"text\" }, since = { kind = \"timestamp\", format = \"%d.%m.%Y\" } }",
            "lookup.customer.fields.since.zone: is missing: the format has no offset. Write zone = \"Europe/Berlin\"",
        ),
        (
            "kind = \"timestamp\", required",
            "kind = \"timestamp\", format = \"%Y-%m-%d %H:%M:%S\", zone = \"Europe/Brelin\", required",
            "record.fields.event_time.zone: \"Europe/Brelin\" is no time zone; did you mean \"Europe/Berlin\"?",
        ),
        (
            "kind = \"timestamp\", required",
            "kind = \"timestamp\", unit = \"sec\", required",
            "record.fields.event_time.unit: is none of s, ms, us, ns",
        ),
        ("[\"type\"]", "[\"typ\"]", "window.group_by: there is no field \"typ\"; did you mean \"type\"?"),
        ("measures = { amount", "measures = { type", "window.measures: \"type\" is neither decimal nor integer"),
        ("event_time = \"event_time\"", "event_time = \"type\"", "record.fields.type: is the event time"),
        (
            "{name_orig}",
            "{name_origin}",
            "lookup.customer.key: there is no field \"name_origin\"; did you mean \"name_orig\"?",
        ),
        ("{name_orig}", "{name_orig", "lookup.customer.key: has a brace without its other half"),
        (
            "127.0.0.1:8080",
            "0.0.0.0:8080",
            "admin.listen: 0.0.0.0:8080 is open to other machines: set both admin.tokens",
        ),
        ("\"risk_stats\"", "\"risk stats; DROP\"", "sink.table: should be 1 to 48 letters"),
        ("\"dead_letter_queue\"", "\"finance_stream\"", "dead_letters.topic: is the source topic"),
        ("[admin]", "[engine]\nworkers = 0\n[admin]", "engine.workers: should be 1 or more"),
        (
            "topic = \"finance",
            "properties = { \"group.id\" = \"x\" }\ntopic = \"finance",
            "can't be set: set source.group",
        ),
        (
            "topic = \"dead",
            "properties = { \"transactional.id\" = \"x\" }\ntopic = \"dead",
            "dead_letters.properties.\"transactional.id\": can't be set: the engine's letters",
        ),
        (
            "topic = \"dead",
            "properties = { \"delivery.timeout.ms\" = \"1\" }\ntopic = \"dead",
            "dead_letters.properties.\"delivery.timeout.ms\": can't be set: the engine's letters",
        ),
        (
            "topic = \"finance",
            "properties = { \"queue.buffering.max.ms\" = \"1\" }\ntopic = \"finance",
            "source.properties.\"queue.buffering.max.ms\": can't be set: the engine lets",
        ),
        ("name_dest = {", "\"name-dest\" = {", "record.fields.name-dest: should be 1 to 48"),
        (
            "name_dest = { kind",
            "name_dest = { path = \"a/b\", kind",
            "record.fields.name_dest.path: is no JSON pointer",
        ),
        ("[\"type\"]", "[\"type\", \"TYPE\"]", "window.group_by: there is no field \"TYPE\""),
        ("[\"type\"]", "[\"type\", \"type\"]", "two columns of risk_stats would be named \"type\""),
    ]);
}

#[test]
fn a_field_may_be_named_as_a_column_of_a_measure_that_is_not_asked_for() {
    let with = |asked: &str| {
        let text = changed("group_by = [\"type\"]", "group_by = [\"amount_min\"]");
        let text = text.replace("\nname_dest = {", "\namount_min = { kind = \"text\" }\nname_dest = {");
        text.replace("[\"sum\", \"min\", \"max\"]", asked)
    };
    parse(&with("[\"sum\", \"max\"]")).unwrap();
    let why = error(&with("[\"sum\", \"min\"]"));
    assert_eq!(why, "window: two columns of risk_stats would be named \"amount_min\"");
}

/// What the checkpoint rests on, and what librdkafka lets anybody set.
#[test]
fn a_property_that_would_break_exactly_once_is_refused_with_the_reason() {
    let cases = [
        ("group.protocol", "consumer", "the checkpoint needs the classic protocol"),
        ("group.remote.assignor", "uniform", "the checkpoint needs the classic protocol"),
        ("partition.assignment.strategy", "cooperative-sticky", "the checkpoint needs the classic protocol"),
        ("isolation.level", "read_uncommitted", "records of an aborted transaction"),
        ("auto.offset.reset", "latest", "a partition never seen starts where source.start says"),
        ("enable.partition.eof", "false", "the engine needs the ends of the logs"),
        ("enable.auto.commit", "true", "offsets come from the store alone"),
    ];
    for (name, value, why) in cases {
        let line = format!("properties = {{ \"{name}\" = \"{value}\" }}\ntopic = \"finance");
        let (error, wanted) = (error(&changed("topic = \"finance", &line)), format!("can't be set: {why}"));
        assert!(error.contains(&format!("source.properties.\"{name}\": {wanted}")), "{name} gave {error:?}");
    }
}

#[test]
fn a_protocol_over_tls_needs_a_build_with_it_whichever_way_it_is_written() {
    for (table, before) in [("source", "[dead_letters]"), ("dead_letters", "[record]")] {
        for protocol in ["SSL", "SASL_SSL", "sasl_ssl"] {
            let mechanism = "\"sasl.mechanism\" = \"PLAIN\"";
            let properties =
                format!("[{table}.properties]\n\"security.protocol\" = \"{protocol}\"\n{mechanism}\n{before}");
            let result = parse(&changed(before, &properties));
            if cfg!(feature = "tls") {
                result.unwrap();
                continue;
            }
            let why = result.unwrap_err().to_string();
            let wanted = format!("{table}.properties.\"security.protocol\": \"{protocol}\" needs TLS");
            assert!(why.contains(&wanted) && why.contains("--features tls"), "{why}");
        }
        let plain =
            |more: &str| format!("[{table}.properties]\n\"security.protocol\" = \"SASL_PLAINTEXT\"\n{more}{before}");
        parse(&changed(before, &plain("\"sasl.mechanism\" = \"PLAIN\"\n"))).unwrap();
        let why = error(&changed(before, &plain("")));
        assert!(
            why.contains(&format!("{table}.properties.\"sasl.mechanism\": is not set")) && why.lines().count() == 1,
            "{why}"
        );
    }
}

#[test]
fn tokens_that_can_be_guessed_or_are_one_are_named_by_their_key() {
    let with = |viewer: &str, publisher: &str| {
        error(&(MAIN.to_owned() + &format!("tokens = {{ viewer = {viewer:?}, publisher = {publisher:?} }}\n")))
    };
    let (long, short) = ("a-token-of-26-characters-x", "s3cret");
    let told = with(short, long);
    let wanted = "admin.tokens.viewer: has 6 characters and should have 16 or more; `weir token new` prints one";
    assert_eq!(told, wanted);
    let told = with(long, long);
    let wanted = "admin.tokens.publisher: is that of admin.tokens.viewer too, so nobody could tell the two apart";
    assert!(told.starts_with(wanted) && !told.contains(long), "{told}");
}

/// `weir.toml` with these people.
fn with_people(people: &str) -> String {
    format!("{MAIN}\n{people}")
}

#[test]
fn people_have_a_token_of_their_own_a_name_that_the_audit_has_of_nobody_else_and_words_that_are_known() {
    let ana = |may: &str| format!("[admin.people.ana]\ntoken = \"ana-1-0123456789\"\nmay = {may}\n");
    let config = parse(&with_people(&ana("[\"read\", \"publish\"]"))).unwrap();
    assert_eq!(config.admin.people["ana"].may, [May::Read, May::Publish]);
    for (people, wanted) in [
        (ana("[]"), "admin.people.ana.may: is empty; write some of [\"read\", \"values\", \"publish\"]"),
        (ana("[\"write\"]"), "admin.people.ana.may: is none of read, values, publish"),
        (ana("[\"raed\"]"), "admin.people.ana.may: \"raed\" is not known; did you mean \"read\"?"),
        (ana("[\"values\"]"), "admin.people.ana.may: has \"values\" without \"read\", which shows nothing"),
        (ana("[\"read\"]").replace("ana-1-0123456789", "s3cret"), "admin.people.ana.token: has 6 characters"),
        (
            ana("[\"read\"]").replace("people.ana", "people.Ana"),
            "admin.people.Ana: should be 1 to 48 lower-case letters",
        ),
        (
            ana("[\"read\"]").replace("people.ana", "people.engine"),
            "admin.people.engine: is what the audit calls somebody",
        ),
        (ana("[\"read\"]") + "color = 1\n", "a key in [admin.people.ana] is none of token, may"),
        (
            ana("[\"read\"]") + &ana("[\"read\"]").replace("people.ana", "people.bo"),
            "admin.people.bo.token: is that of admin.people.ana.token too",
        ),
    ] {
        let told = error(&with_people(&people));
        assert!(told.contains(wanted) && !told.contains("s3cret") && !told.contains("0123456789"), "{people}: {told}");
    }
    let remote = with_people(&ana("[\"read\"]")).replace("127.0.0.1:8080", "0.0.0.0:8080");
    assert!(parse(&remote).is_ok(), "whoever asks has a token");
}

#[test]
fn where_the_console_is_opened_is_an_address_and_its_names_are_names() {
    let with = |keys: &str| MAIN.to_owned() + keys;
    for good in
        ["public_url = \"https://weir.example.com\"\n", "public_url = \"http://weir:8443\"\nhosts = [\"weir\"]\n"]
    {
        assert!(parse(&with(good)).is_ok(), "{good}");
    }
    for (bad, wanted) in [
        ("public_url = \"weir.example.com\"\n", "admin.public_url: should be what people type, without path or user"),
        ("public_url = \"https://weir.example.com/console\"\n", "admin.public_url: should be what people type"),
        ("public_url = \"https://ana:s3cret@weir.example.com\"\n", "admin.public_url: holds a URL with a user"),
        ("hosts = [\"weir.example.com:8080\"]\n", "admin.hosts: should be names without a port, in lower case"),
    ] {
        let told = error(&with(bad));
        assert!(told.contains(wanted) && !told.contains("s3cret"), "{bad}: {told}");
    }
}

#[test]
fn a_sensitive_field_is_known_to_the_schema_and_groups_nothing() {
    let schema =
        parse(&changed("name_dest = { kind = \"text\" }", "name_dest = { kind = \"text\", sensitive = true }"));
    let schema = schema.unwrap().schema().unwrap();
    let sensitive: Vec<_> = schema.fields.iter().filter(|field| field.sensitive).map(|field| &*field.name).collect();
    assert_eq!((sensitive, schema.has_sensitive()), (vec!["name_dest"], true));
    assert!(!parse(MAIN).unwrap().schema().unwrap().has_sensitive());
    let of_record = "type = { kind = \"text\", sensitive = true";
    let of_lookup = changed("{ segment = { kind = \"text\" } }", "{ segment = { kind = \"text\", sensitive = true } }");
    for text in [
        changed("type = { kind = \"text\"", of_record),
        of_lookup.replace("group_by = [\"type\"]", "group_by = [\"type\", \"customer.segment\"]"),
    ] {
        let told = error(&text);
        assert!(
            told.starts_with("window.group_by: \"") && told.contains("is sensitive, and the table would show"),
            "{told}"
        );
    }
}

#[test]
fn an_unknown_key_names_its_table_and_the_nearest_known_one() {
    all_are_said(&[
        ("size = \"5s\"", "sise = \"5s\"", "window.sise: there is no such key in [window]; did you mean \"size\"?"),
        ("[checkpoint]", "[chekpoint]", "chekpoint: there is no such key at the top; did you mean \"checkpoint\"?"),
        ("late = \"merge\"", "late = \"marge\"", "window.late: \"marge\" is not known; did you mean \"merge\"?"),
        (
            "{ kind = \"text\" }\nname_dest",
            "{ knd = \"text\" }\nname_dest",
            "record.fields.name_orig.knd: there is no such key",
        ),
    ]);
}

#[test]
fn all_problems_are_told_at_once_a_line_each() {
    let text = changed("interval = \"1s\"", "interval = \"1ms\"").replace("\"risk_stats\"", "\"weir_x\"");
    assert_eq!(error(&text).lines().count(), 2);
}

#[test]
fn a_variable_of_the_environment_is_put_in_and_a_missing_one_is_named() {
    let config = parse(&changed("weir:weir@", "weir:${KNOWN}@")).unwrap();
    assert_eq!(config.sink.url.expose_secret(), "mysql://weir:s3cret@127.0.0.1:3306/weir");
    let error = error(&changed("weir:weir@", "weir:${NOWHERE}@"));
    assert_eq!(error, "sink.url: the environment has no variable NOWHERE; set it");
}

#[test]
fn a_secret_shows_neither_in_debug_nor_in_an_error() {
    let text = changed("weir:weir@", "weir:${KNOWN}@")
        .replace("redis://127", "redis://:${KNOWN}@127")
        .replace("[dead_letters]", "properties = { \"sasl.password\" = \"${KNOWN}\" }\n[dead_letters]")
        + "tokens = { viewer = \"${KNOWN}-0123456789\", publisher = \"9876543210-${KNOWN}\" }\n";
    assert!(!format!("{:?}", parse(&text).unwrap()).contains("s3cret"));
    let wrong = MAIN.to_owned() + "tokens = { viewer = 5318008 }\n";
    assert_eq!(error(&wrong), "admin.tokens.viewer: a number stands here; wanted is a text in quotes");
    let torn = MAIN.to_owned() + "tokens = { viewer = \"s3cret\n";
    assert!(!error(&torn).contains("s3cret"));
}

fn holds(value: &toml::Value, key: &str) -> bool {
    let Some(table) = value.as_table() else { return false };
    match key.split_once('.') {
        None => table.contains_key(key),
        Some(("NAME", rest)) => table.values().any(|value| holds(value, rest)),
        Some((first, rest)) => table.get(first).is_some_and(|value| holds(value, rest)),
    }
}

/// `weir.toml` with the keys and tables that are commented out in it.
fn with_what_is_commented_out() -> String {
    let key = |text: &str| {
        let name = text.split(" = ").next().unwrap_or_default();
        text.starts_with('[') || text.contains(" = ") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let line = |line: &str| match line.strip_prefix("# ") {
        Some(text) if key(text) => text.to_owned() + "\n",
        _ => line.to_owned() + "\n",
    };
    MAIN.lines().map(line).collect()
}

#[test]
fn every_key_stands_in_the_repository_s_own_file_and_what_is_commented_out_there_is_valid() {
    let text = with_what_is_commented_out();
    let config = Config::parse(&text, &|name| Some(format!("{name}-0123456789"))).unwrap();
    assert_eq!((config.engine.workers, config.rule.len(), config.lookup.len()), (Some(2), 1, 2));
    let table = toml::Value::Table(text.parse().unwrap());
    let keys = reference::keys();
    assert!(keys.len() > 45 && keys.contains(&"record.fields.NAME.path".to_owned()), "{keys:?}");
    let missing: Vec<_> = keys.iter().filter(|key| !holds(&table, key)).collect();
    assert!(missing.is_empty(), "weir.toml lacks {missing:?}");
}

#[test]
fn a_key_that_is_commented_out_shows_its_default() {
    let text = MAIN.replace("# start =", "start =").replace("# max_", "max_").replace("# drain", "drain");
    let text = text.replace("# idle_after", "idle_after");
    assert_eq!(format!("{:?}", parse(&text).unwrap()), format!("{:?}", parse(MAIN).unwrap()));
}
