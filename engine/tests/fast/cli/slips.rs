//! Secrets in the wrong place of a configuration: whatever is said of them, by `weir check` or `weir run`, at any level of the log, they
//! are not in it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use weir_testkit::stack::root;

const SECRET: &str = "hunter2-s3cret-value";

/// What of the repository's own file is replaced, and by what; `SECRET` stands for the secret.
const SLIPS: [(&str, &str); 41] = [
    ("[sink]\nurl =", "[sinks]\nurl = \"mysql://weir:SECRET@h/d\"\nold ="),
    ("[window]\n", "sink = \"mysql://weir:SECRET@127.0.0.1/weir\"\n[window]\n"),
    ("[admin]\n", "[admin]\ntokens = \"SECRET\"\n"),
    ("[admin]\n", "[admin]\ntokens = { SECRET = \"viewer\" }\n"),
    ("[admin]\n", "[admin]\ntokens = { viewer = [\"SECRET\"] }\n"),
    ("[admin]\n", "[admin]\ntoken = \"SECRET\"\n"),
    ("[admin]\n", "[admin]\npeople = { ana = \"SECRET\" }\n"),
    ("[admin]\n", "[admin]\npeople = { ana = { token = \"x\", may = [\"SECRET\"] } }\n"),
    (
        "[admin]\n",
        "[admin]\ntokens = { viewer = \"SECRET\" }\npeople = { ana = { token = \"SECRET\", may = [\"read\"] } }\n",
    ),
    ("[admin]\n", "[admin]\npublic_url = \"https://ana:SECRET@h\"\n"),
    ("[admin]\n", "[admin]\nhosts = [\"SECRET:1\"]\n"),
    ("listen = \"127.0.0.1:8080\"", "listen = \"SECRET\""),
    ("brokers = \"127.0.0.1:9092\"", "brokers = \"SASL_SSL://weir:SECRET@127.0.0.1:1\""),
    ("topic = \"finance_stream\"", "topic = \"weir:SECRET@finance\""),
    ("group = \"weir-fraud\"", "group = { SECRET = 1 }"),
    ("name = \"fraud\"", "name = \"weir:SECRET\""),
    ("[dead_letters]\n", "properties = { \"sasl.pasword\" = \"SECRET\" }\n[dead_letters]\n"),
    ("[dead_letters]\n", "properties = { \"security.protocol\" = \"SECRET\" }\n[dead_letters]\n"),
    ("[dead_letters]\n", "properties = { \"socket.timeout.ms\" = \"SECRET\" }\n[dead_letters]\n"),
    ("[dead_letters]\n", "properties = \"sasl.password=SECRET\"\n[dead_letters]\n"),
    ("late = \"merge\"", "late = \"SECRET\""),
    ("size = \"5s\"", "size = \"SECRET\""),
    ("key = \"customer:{name_orig}\"", "key = \"customer:{SECRET}\""),
    ("weir:weir@127.0.0.1:3306/weir\"", "weir:SECRET#x@127.0.0.1:3306/weir\""),
    ("weir:weir@127.0.0.1:3306/weir\"", "weir:weir@127.0.0.1:1/weir?password=SECRET\""),
    (
        "event_time = { kind = \"timestamp\", required = true }",
        "event_time = { kind = \"timestamp\", required = true, format = \"%Y-%m-%d\", zone = \"SECRET\" }",
    ),
    (
        "event_time = { kind = \"timestamp\", required = true }",
        "event_time = { kind = \"timestamp\", required = true, format = \"SECRET %Q\", zone = \"UTC\" }",
    ),
    (
        "event_time = { kind = \"timestamp\", required = true }",
        "event_time = { kind = \"timestamp\", required = true, format = \"SECRET %H\", zone = \"UTC\" }",
    ),
    (
        "event_time = { kind = \"timestamp\", required = true }",
        "event_time = { kind = \"timestamp\", required = true, format = \"SECRET %z %Z\" }",
    ),
    (
        "event_time = { kind = \"timestamp\", required = true }",
        "event_time = { kind = \"timestamp\", required = true, format = \"SECRET %FT%T%z\", zone = \"UTC\" }",
    ),
    ("[dead_letters]\n", "properties = { \"SECRET\" = \"sasl.password\" }\n[dead_letters]\n"),
    (
        "[dead_letters]\n",
        "properties = { \"sasl.oauthbearer.config\" = \"SECRET\", \"sasl.mechanism\" = \"OAUTHBEARER\", \"security.protocol\" = \"SASL_PLAINTEXT\" }\n[dead_letters]\n",
    ),
    (
        "[dead_letters]\n",
        "properties = { \"ssl.key.pem\" = \"SECRET\", \"security.protocol\" = \"SSL\" }\n[dead_letters]\n",
    ),
    ("key = \"customer:{name_orig}\"", "key = \"${SECRET}\""),
    ("key = \"customer:{name_orig}\"", "key = \"${file:SECRET}\""),
    ("[lookup.customer]", "[lookup.\"redis://:SECRET.SECRET@h\"]"),
    ("name_dest = {", "\"weir:SECRET@h\" = {"),
    ("brokers = \"127.0.0.1:9092\"", "brokers = \"SECRET\""),
    ("max_module = \"8MiB\"", "max_module = \"SECRET\""),
    ("dir = \"rules.d\"", "dir = \"mysql://weir:SECRET@h/rules.d\""),
    ("[rules]\n", "SECRET = 1 = 2\n[rules]\n"),
];

#[test]
fn a_secret_in_the_wrong_place_of_a_configuration_is_in_no_output_and_no_log() {
    let text = std::fs::read_to_string(root().join("weir.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules.d")).unwrap();
    std::thread::scope(|scope| {
        for (number, (from, to)) in SLIPS.iter().enumerate() {
            assert!(text.contains(from), "weir.toml has no {from:?}");
            let file = folder.path().join(format!("{number}.toml"));
            let slipped = text.replacen(from, &to.replace("SECRET", SECRET), 1);
            // So that `run` comes as far as Kafka's client: a port of its own, a database that is there.
            let slipped = slipped.replace("127.0.0.1:8080", "127.0.0.1:0");
            let slipped =
                slipped.replace("mysql://weir:weir@127.0.0.1:3306/weir\"", &format!("sqlite://{number}.db\""));
            std::fs::write(&file, slipped).unwrap();
            scope.spawn(move || {
                for command in ["check", "run"] {
                    let (said, ended) = said(command, &file);
                    assert!(!said.contains(SECRET) && !said.contains("hunter2"), "{command}: {to}: {said}");
                    // A slip that neither command minds would show nothing here for want of a look.
                    assert!(!ended.is_some_and(|ok| ok) || command == "check", "{to} is taken: {said}");
                    assert!(!said.contains("panicked"), "{command}: {to}: {said}");
                    assert!(!said.is_empty(), "{command}: {to}: nothing was said");
                }
            });
        }
    });
}

/// All that the command says within some seconds, and whether it ended well by then.
fn said(command: &str, file: &Path) -> (String, Option<bool>) {
    let log = file.with_extension(format!("{command}.log"));
    let out = std::fs::File::create(&log).unwrap();
    let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg(command)
        .arg(file)
        .env("WEIR_LOG", "trace")
        .current_dir(file.parent().unwrap())
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .spawn()
        .unwrap();
    let mut ended = None;
    for _ in 0..60 {
        ended = weir.try_wait().unwrap();
        if ended.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = weir.kill();
    let _ = weir.wait();
    (std::fs::read_to_string(&log).unwrap(), ended.map(|status| status.success()))
}
