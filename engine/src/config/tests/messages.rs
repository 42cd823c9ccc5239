//! The messages of a configuration that docs/errors.md lists and no other test provokes: what is changed in `weir.toml`, and what is
//! said of it.

use super::{all_are_said, changed};
use crate::config::Config;

#[test]
fn kafka_s_part_says_what_to_write() {
    all_are_said(&[
        ("name = \"fraud\"", "name = \"a b\"", "pipeline.name: should be 1 to 64 letters, digits, '-', '_' or '.'"),
        (
            "brokers = \"127.0.0.1:9092\"",
            "brokers = \" \"",
            "source.brokers: should be the brokers' addresses with their ports",
        ),
        (
            "brokers = \"127.0.0.1:9092\"",
            "brokers = \"kafka\"",
            "source.brokers: should be the brokers' addresses with their ports",
        ),
        ("brokers = \"127", "brokers = \"u@127", "source.brokers: should be the brokers' addresses with their ports"),
        ("group = \"weir-fraud\"", "group = \"\"", "source.group: should be the name of a consumer group"),
        ("topic = \"finance_stream\"", "topic = \"a/b\"", "source.topic: is no name of a Kafka topic: 1 to 249"),
        ("topic = \"dead_letter_queue\"", "topic = \"..\"", "dead_letters.topic: is no name of a Kafka topic"),
        ("# max_record = \"1MiB\"", "max_record = \"65MiB\"", "source.max_record: 65.0 MiB should be 1 B to 64 MiB"),
        ("# rejoin_after = \"60s\"", "rejoin_after = \"4s\"", "source.rejoin_after: should be 5s to 1h"),
    ]);
}

#[test]
fn fields_and_lookups_say_what_to_write() {
    all_are_said(&[
        (
            "{ kind = \"text\" }\nname_dest",
            "{ kind = \"text\", path = \"/a~2\" }\nname_dest",
            "write ~ as ~0 and / as ~1",
        ),
        ("key = \"name_orig\"", "key = \"zzz\"", "record.key: names no field; there are amount, customer.segment"),
        ("url = \"redis://", "url = \"http://", "lookup.customer.url: should begin with redis://"),
        (
            "fields = { segment = { kind = \"text\" } }",
            "fields = {}",
            "lookup.customer.fields: is empty; name a field of",
        ),
        ("timeout = \"200ms\"", "timeout = \"11s\"", "lookup.customer.timeout: should be 1ms to 10s"),
        ("entries = 100_000", "entries = 0", "lookup.customer.cache.entries: should be 1 or more"),
        (
            "\"customer:{name_orig}\"",
            "\"customer\"",
            "lookup.customer.key: names no field; write \"customer:{name_orig}\"",
        ),
        ("name_orig = { kind = \"text\" }", "name_orig = { kind = \"float\" }", "is a float, which makes no key"),
    ]);
}

/// `weir.toml` with these keys of `[alerts]` beside a good topic and code.
fn alerts(keys: &str) -> String {
    let field = "name_orig = { kind = \"text\" }";
    let text = changed(field, "name_orig = { kind = \"text\", sensitive = true }");
    let good = ["topic = \"flags\"\n", "codes = [\"HIGH\"]\n"];
    let good = good.into_iter().filter(|line| !keys.contains(&line[..6]));
    format!("{text}\n[alerts]\n{}{keys}\n", good.collect::<String>())
}

#[test]
fn alerts_say_what_to_write() {
    let alerted = |keys: &str| Config::parse(&alerts(keys), &|_| None);
    let cases = [
        ("topic = \"a/b\"", "alerts.topic: is no name of a Kafka topic"),
        ("topic = \"finance_stream\"", "alerts.topic: is the source topic: every alert would be read again"),
        ("topic = \"dead_letter_queue\"", "alerts.topic: is the topic of the dead letters"),
        ("codes = []", "alerts.codes: should name 1 to 256 codes, as [\"HIGH_AMOUNT\"]"),
        ("codes = [\"*\"]", "write each out, as \"HIGH_AMOUNT\"; there is no wildcard"),
        ("codes = [\"LATE\"]", "alerts.codes: LATE is one of the engine's own"),
        ("codes = [\"A\", \"A\"]", "alerts.codes: names a code twice"),
        ("fields = [\"amont\"]", "alerts.fields: there is no field \"amont\"; did you mean \"amount\"?"),
        ("fields = [\"amount\", \"amount\"]", "alerts.fields: names a field twice"),
        ("fields = [\"name_orig\"]", "alerts.fields: \"name_orig\" is sensitive, and everybody who may read"),
        ("value = true", "alerts.value: shows the record whole, which has a sensitive field"),
        ("budget = 0", "alerts.budget: should be 1 to 1000000"),
        ("beyond = \"drop\"", "alerts.beyond: is none of count, wait"),
        ("properties = {}", "a key in [alerts] is none of topic, codes"),
    ];
    for (keys, wanted) in cases {
        let error = alerted(keys).expect_err("it should be refused").to_string();
        assert!(error.contains(wanted), "{keys:?} gave {error:?}, wanted {wanted:?}");
    }
    let many: Vec<String> = (0..65).map(|at| format!("\"f{at}\"")).collect();
    let error = alerted(&format!("fields = [{}]", many.join(", "))).expect_err("too many").to_string();
    assert!(error.contains("alerts.fields: should name 64 fields at most"), "{error}");
    for keys in
        ["fields = [\"amount\", \"customer.segment\"]", "fields = [\"name_orig\"]\nvalue = true\nsensitive = true"]
    {
        assert!(alerted(keys).is_ok(), "{keys:?}: {:?}", alerted(keys).err());
    }
}

#[test]
fn windows_and_the_sink_say_what_to_write() {
    all_are_said(&[
        ("size = \"5s\"", "size = \"32days\"", "window.size: should be whole milliseconds, 1ms to 31days"),
        ("max_ahead = \"5m\"", "max_ahead = \"36501days\"", "window.max_ahead: should be 36500days at most"),
        ("type = { kind = \"text\"", "type = { kind = \"float\"", "is a float; declare it as a decimal to group by it"),
        ("[\"sum\", \"min\", \"max\"]", "[]", "window.measures.amount: is empty; write [\"sum\"]"),
        ("url = \"mysql://", "url = \"postgres://", "sink.url: should begin with mysql://, mariadb:// or sqlite://"),
        (
            "url = \"mysql://weir:weir@127.0.0.1:3306/weir\"",
            "url = \"sqlite:x\"",
            "sink.url: should begin with mysql://, mariadb:// or sqlite://",
        ),
        ("\"risk_stats\"", "\"Weir_x\"", "sink.table: should not begin with weir_, as the engine's own tables do"),
    ]);
}

#[test]
fn limits_and_tokens_say_what_to_write() {
    all_are_said(&[
        ("# max_records = 1_000_000", "max_records = 0", "checkpoint.max_records: should be 1 or more"),
        ("# max_groups = 200_000", "max_groups = 0", "checkpoint.max_groups: should be 1 or more"),
        ("# max_letter_bytes = \"32MiB\"", "max_letter_bytes = \"1KiB\"", "should be source.max_record or more"),
        ("# drain = \"10s\"", "drain = \"31s\"", "checkpoint.drain: should be 1ms to 30s"),
        ("timeout = \"50ms\"", "timeout = \"9ms\"", "rules.timeout: should be 10ms (the clock's tick) to 10s"),
        ("memory = \"16MiB\"", "memory = \"1KiB\"", "rules.memory: should be 64KiB (one page) or more"),
        ("budget = \"20us\"", "budget = \"0s\"", "rules.budget: should be more than nothing, as \"20us\""),
        ("shadow_budget = 0.1", "shadow_budget = 0.6", "rules.shadow_budget: should be 0.01 to 0.5"),
        ("max_module = \"8MiB\"", "max_module = \"0B\"", "rules.max_module: should be more than nothing"),
        ("# max_rules = 100", "max_rules = 1001", "rules.max_rules: should be 1 to 1000"),
        (
            "# max_rules = 100",
            "max_rules = 1\nrequired = [\"a\", \"b\"]",
            "rules.required: names more rules than rules.max_rules allows",
        ),
        ("[admin]", "[admin]\ntokens = { viewer = \" \" }", "admin.tokens.viewer: is empty"),
        (
            "[admin]",
            "[admin]\ntokens = { viewer = \"a\\nb\" }",
            "admin.tokens.viewer: holds a blank, a line's end or another",
        ),
    ]);
}

#[test]
fn what_is_no_toml_or_of_another_type_says_what_is_wanted() {
    all_are_said(&[
        ("[window]", "[window", "line "),
        ("max_ahead = \"5m\"", "max_ahead = 5", "window.max_ahead: a number stands here; wanted is"),
        ("[\"type\"]", "\"type\"", "window.group_by: a text stands here; wanted is a sequence"),
        ("[\"type\"]", "[\"type\", 5]", "window.group_by: a number stands here; wanted is a text in quotes"),
        ("late = \"merge\"", "late = \"zzzzzz\"", "window.late: is none of "),
        ("[checkpoint]", "[zzzzzzzzz]", "a key at the top is none of pipeline, source"),
        ("name_dest = { kind = \"text\" }", "name_dest = {}", "missing field `kind`"),
        ("weir:weir@", "weir:${WEIR@", "sink.url: ${ without a }: write ${NAME}"),
        (
            "weir:weir@",
            "weir:${WEIR PASSWORD}@",
            "sink.url: the environment has no variable of the name that stands in ${…} (not shown",
        ),
        (
            "weir:weir@",
            "weir:${file:/nowhere/secret}@",
            "sink.url: ${file:/nowhere/secret} is no file of 65536 bytes at most that can be read",
        ),
    ]);
    let why = Config::load("/nowhere/weir.toml").expect_err("it is not there").to_string();
    assert!(why.starts_with("cannot read /nowhere/weir.toml: No such file"), "{why}");
}
