use super::*;

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
    let cases = [
        ("interval = \"1s\"", "interval = \"100ms\"", "checkpoint.interval: should be 200ms or more"),
        ("scale = 2, required", "scale = 11, required", "record.fields.amount.scale: 11 should be 10 at most"),
        (
            "kind = \"text\", required",
            "kind = \"text\", scale = 2, required",
            "record.fields.type.scale: only a decimal has a scale",
        ),
        ("[\"type\"]", "[\"typ\"]", "window.group_by: there is no field \"typ\"; did you mean \"type\"?"),
        ("measures = { amount", "measures = { type", "window.measures: \"type\" is neither decimal nor integer"),
        ("event_time = \"event_time\"", "event_time = \"type\"", "record.fields.type: is the event time"),
        (
            "{name_orig}",
            "{name_origin}",
            "lookup.customer.key: there is no field \"name_origin\"; did you mean \"name_orig\"?",
        ),
        (
            "{name_orig}",
            "{name_orig",
            "lookup.customer.key: \"customer:{name_orig\" has a brace without its other half",
        ),
        (
            "127.0.0.1:8080",
            "0.0.0.0:8080",
            "admin.listen: 0.0.0.0:8080 is open to other machines: set both admin.tokens",
        ),
        ("\"risk_stats\"", "\"risk stats; DROP\"", "sink.table: \"risk stats; DROP\" should be"),
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
        ("name_dest = {", "\"name-dest\" = {", "record.fields.name-dest: \"name-dest\" should be"),
        (
            "name_dest = { kind",
            "name_dest = { path = \"a/b\", kind",
            "record.fields.name_dest.path: \"a/b\" is no JSON pointer",
        ),
        ("[\"type\"]", "[\"type\", \"TYPE\"]", "window.group_by: there is no field \"TYPE\""),
        ("[\"type\"]", "[\"type\", \"type\"]", "two columns of risk_stats would be named \"type\""),
    ];
    for (from, to, wanted) in cases {
        let error = error(&changed(from, to));
        assert!(error.contains(wanted), "{to:?} gave {error:?}, wanted {wanted:?}");
    }
}

#[test]
fn an_unknown_key_names_its_table_and_the_nearest_known_one() {
    let cases = [
        ("size = \"5s\"", "sise = \"5s\"", "window.sise: there is no such key in [window]; did you mean \"size\"?"),
        ("[checkpoint]", "[chekpoint]", "chekpoint: there is no such key at the top; did you mean \"checkpoint\"?"),
        ("late = \"merge\"", "late = \"marge\"", "window.late: \"marge\" is not known; did you mean \"merge\"?"),
        (
            "{ kind = \"text\" }\nname_dest",
            "{ knd = \"text\" }\nname_dest",
            "record.fields.name_orig.knd: there is no such key",
        ),
    ];
    for (from, to, wanted) in cases {
        let error = error(&changed(from, to));
        assert!(error.contains(wanted), "{to:?} gave {error:?}, wanted {wanted:?}");
    }
}

#[test]
fn all_problems_are_told_at_once_a_line_each() {
    let text = changed("interval = \"1s\"", "interval = \"1ms\"").replace("\"risk_stats\"", "\"weir_x\"");
    assert_eq!(error(&text).lines().count(), 2);
}

#[test]
fn a_variable_of_the_environment_is_put_in_and_a_missing_one_is_named() {
    let config = parse(&changed("weir:weir@", "weir:${KNOWN}@")).unwrap();
    assert_eq!(config.sink.url, "mysql://weir:s3cret@127.0.0.1:3306/weir");
    let error = error(&changed("weir:weir@", "weir:${NOWHERE}@"));
    assert_eq!(error, "sink.url: the environment has no variable NOWHERE; set it");
}

#[test]
fn a_secret_shows_neither_in_debug_nor_in_an_error() {
    let text = changed("weir:weir@", "weir:${KNOWN}@")
        .replace("redis://127", "redis://:${KNOWN}@127")
        .replace("[dead_letters]", "properties = { \"sasl.password\" = \"${KNOWN}\" }\n[dead_letters]")
        + "tokens = { viewer = \"${KNOWN}\", publisher = \"${KNOWN}\" }\n";
    assert!(!format!("{:?}", parse(&text).unwrap()).contains("s3cret"));
    let wrong = MAIN.to_owned() + "tokens = { viewer = 5318008 }\n";
    assert_eq!(error(&wrong), "admin.tokens.viewer: a text in quotes is wanted");
    let torn = MAIN.to_owned() + "tokens = { viewer = \"s3cret\n";
    assert!(!error(&torn).contains("s3cret"));
}
