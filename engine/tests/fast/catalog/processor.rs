//! The processor and sets that no catalog made: JSON in, verdicts out, with no store, no broker and no clock.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use weir::config::{Config, OnFailure};
use weir::model::catalog::{Entry, Mode};
use weir::model::ids::{Offset, Partition, Revision};
use weir::model::record::Schema;
use weir::processor::{BatchProcessor, Fields, Now, Record};
use weir::rules::{BuildError, CompiledModule, Judge, LiveSet, Recorder, Runtime};
use weir::window::{RowVerdict, WindowSpec, Windows};

use crate::catalog::module::{Guest, TEXT};

/// Hits where the amount in cents is the character code of its parameter's first letter.
const BY_PARAMETER: &str = "(if (i64.eq (local.get $amount) (i64.extend_i32_u (i32.load8_u (i32.const 100))))
    (then (call $hit (local.get $i) (i32.const 0))))";
const KEEP_PARAMETER: &str = "(i32.store8 (i32.const 100) (i32.load8_u (i32.load offset=8 (local.get $settings))))";
/// 2023-11-14T22:13:20Z
pub(crate) const TIME: i64 = 1_700_000_000_000;

pub(crate) struct Fixture {
    config: Config,
    schema: Arc<Schema>,
    pub(crate) runtime: Arc<Runtime>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let config = Config::parse(include_str!("../../../../weir.toml"), &|_| None).unwrap();
        let runtime = Runtime::with_compiler(&config.rules, PathBuf::from(env!("CARGO_BIN_EXE_weir"))).unwrap();
        Self { schema: Arc::new(config.schema().unwrap()), runtime, config }
    }

    async fn module(&self, guest: &Guest) -> CompiledModule {
        CompiledModule::compile(&self.runtime, &guest.wasm()).await.unwrap()
    }

    pub(crate) fn set(&self, modules: &[CompiledModule], entries: &[Entry]) -> Result<Arc<LiveSet>, BuildError> {
        let on_failure = |_: &str| OnFailure::DeadLetter;
        LiveSet::build(&self.runtime, &self.schema, Revision(7), modules, entries, on_failure).map(Arc::new)
    }

    pub(crate) fn processor(&self) -> BatchProcessor<()> {
        let judge = Judge::observed(self.runtime.clone(), (), Arc::default());
        BatchProcessor::new(self.schema.clone(), 1 << 20, Fields::ReadAnd(Vec::new()), None, judge)
    }

    pub(crate) fn windows(&self) -> Windows {
        let event_time = self.schema.find("event_time").unwrap();
        let spec = WindowSpec::new(&self.config.window, event_time, &self.schema).unwrap();
        Windows::new(Arc::new(spec), self.schema.clone())
    }
}

pub(crate) fn entry(name: &str, module: &CompiledModule, parameters: &[(&str, &str)]) -> Entry {
    let parameters = parameters.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Entry {
        name: name.into(),
        sha256: module.sha256(),
        order: 0,
        mode: Mode::Live,
        parameters: parameters.collect(),
        from_directory: false,
        suspended: None,
    }
}

pub(crate) fn at(epoch_ms: i64) -> Now {
    Now { instant: Instant::now(), epoch_ms }
}

pub(crate) fn payment(time: i64, amount: &str) -> String {
    format!(r#"{{"event_time":{time},"type":"PAYMENT","amount":{amount},"name_orig":"C1"}}"#)
}

pub(crate) fn records(texts: &[String]) -> impl Iterator<Item = Record<'_>> {
    let given = texts.iter().zip(100..);
    given.map(|(text, at)| Record { offset: Offset(at), key: None, value: Some(text.as_bytes()) })
}

#[tokio::test]
async fn one_module_judges_twice_in_one_pass_each_by_its_own_parameters() {
    let fixture = Fixture::new();
    let guest = Guest::new("limited").parameter("letter", "Z").judge(BY_PARAMETER).configure(KEEP_PARAMETER);
    let modules = [fixture.module(&guest).await];
    let entries = [entry("a", &modules[0], &[("letter", "A")]), entry("b", &modules[0], &[("letter", "B")])];
    let set = fixture.set(&modules, &entries).unwrap();
    let mut processor = fixture.processor();
    // Twice: what the first call was set to does not stay for the second.
    for _ in 0..2 {
        let texts = ["0.65", "0.66", "0.90", "0.65"].map(|amount| payment(TIME, amount));
        let decoded = processor.open(&set, Partition(3), records(&texts), at(TIME));
        let judged = processor.judge(&set, decoded, None, at(TIME), None, &mut || false).unwrap();
        let found: Vec<_> = judged.findings.iter().map(|found| (found.row, &*found.rule.name)).collect();
        assert_eq!(found, [(0, "a"), (1, "b"), (3, "a")]);
    }
    // Another set of the same number and the same parameters in another order: an instance goes where its parameters go.
    let entries = [entry("b", &modules[0], &[("letter", "A")]), entry("c", &modules[0], &[("letter", "Z")])];
    let other = fixture.set(&modules, &entries).unwrap();
    let texts = ["0.65", "0.66", "0.90"].map(|amount| payment(TIME, amount));
    let decoded = processor.open(&other, Partition(3), records(&texts), at(TIME));
    let judged = processor.judge(&other, decoded, None, at(TIME), None, &mut || false).unwrap();
    let found: Vec<_> = judged.findings.iter().map(|found| (found.row, &*found.rule.name)).collect();
    assert_eq!(found, [(0, "b"), (2, "c")]);
}

#[tokio::test]
async fn another_set_of_the_same_number_gets_the_fields_that_its_rules_read() {
    let fixture = Fixture::new();
    let plain = fixture.module(&Guest::new("plain")).await;
    let reads = fixture.module(&Guest::new("reads").field("name_dest", TEXT, true)).await;
    let modules = [plain, reads];
    let mut processor = fixture.processor();
    let texts = [payment(TIME, "5"), payment(TIME, "5").replace("name_orig", "name_dest")];
    for (module, codes) in [(0, vec![]), (1, vec![(0, "FIELD_MISSING")]), (0, vec![])] {
        let set = fixture.set(&modules, &[entry("one", &modules[module], &[])]).unwrap();
        let decoded = processor.open(&set, Partition(3), records(&texts), at(TIME));
        let judged = processor.judge(&set, decoded, None, at(TIME), None, &mut || false).unwrap();
        let found: Vec<_> = judged.findings.iter().map(|found| (found.row, &*found.code)).collect();
        assert_eq!(found, codes);
    }
}

#[tokio::test]
async fn rejects_come_in_order_of_offset_with_their_reasons_and_time_is_an_argument() {
    let fixture = Fixture::new();
    let modules = [fixture.module(&Guest::new("negative")).await];
    let set = fixture.set(&modules, &[entry("negative", &modules[0], &[])]).unwrap();
    let hour = 3_600_000;
    let texts = [
        payment(TIME, "-0.01"),
        payment(TIME + hour, "5"),
        "{".to_owned(),
        payment(TIME, "6"),
        payment(TIME + hour, "-0.01"),
    ];
    let mut processor = fixture.processor();
    let mut judged_at = |now: i64| {
        let mut windows = fixture.windows();
        let decoded = processor.open(&set, Partition(3), records(&texts), at(now));
        let judged = processor.judge(&set, decoded, None, at(now), Some(&mut windows), &mut || false).unwrap();
        assert_eq!((judged.records, judged.rows, judged.revision), (5, &[0, 1, 3, 4][..], Revision(7)));
        use RowVerdict::{Rejected, Valid};
        assert_eq!(judged.verdicts, [Rejected, Valid, Valid, Rejected]);
        let rejects = judged.rejects().map(|reject| {
            let rule = reject.rule().map(|rule| rule.name.to_string());
            (reject.record, reject.code().to_owned(), rule, reject.hits.len(), reject.message().into_owned())
        });
        (rejects.collect::<Vec<_>>(), windows.len())
    };
    let (rejects, windows) = judged_at(TIME);
    let codes: Vec<_> = rejects.iter().map(|(record, code, rule, hits, _)| (*record, &**code, rule, *hits)).collect();
    let rule = Some("negative".to_owned());
    let expected =
        [(0, "BAD", &rule, 1), (1, "EVENT_TIME_AHEAD", &None, 0), (2, "PARSE_JSON", &None, 0), (4, "BAD", &rule, 1)];
    assert_eq!(codes, expected);
    assert_eq!(rejects[0].4, "rule negative says BAD");
    assert_eq!(windows, 1, "only the record on time is summed");
    // An hour later by the clock, the same records are on time: what is judged again can be judged as it was then.
    let (later, windows) = judged_at(TIME + hour);
    assert_eq!(later.iter().map(|reject| reject.0).collect::<Vec<_>>(), [0, 2, 4]);
    assert_eq!(windows, 2);
    assert_eq!(judged_at(TIME), (rejects, 1));
}

#[tokio::test]
async fn a_batch_that_is_given_up_leaves_no_trace() {
    let fixture = Fixture::new();
    let modules = [fixture.module(&Guest::new("negative")).await];
    let set = fixture.set(&modules, &[entry("negative", &modules[0], &[])]).unwrap();
    let (mut processor, mut windows) = (fixture.processor(), fixture.windows());
    let texts = [payment(TIME, "5"), payment(TIME, "-0.01")];
    let decoded = processor.open(&set, Partition(3), records(&texts), at(TIME));
    assert!(processor.judge(&set, decoded, None, at(TIME), Some(&mut windows), &mut || true).is_err());
    assert_eq!((windows.len(), windows.watermark(Partition(3))), (0, None));
    let decoded = processor.open(&set, Partition(3), records(&texts), at(TIME));
    let judged = processor.judge(&set, decoded, None, at(TIME), Some(&mut windows), &mut || false).unwrap();
    assert_eq!(judged.rejected(), 1);
}

#[tokio::test]
async fn a_recorder_hears_every_rule_and_a_field_that_no_rule_reads_is_decoded() {
    let fixture = Fixture::new();
    let modules = [fixture.module(&Guest::new("negative")).await];
    let shadow = Entry { mode: Mode::Shadow, ..entry("negative", &modules[0], &[]) };
    let set = fixture.set(&modules, &[shadow]).unwrap();
    let judge = Judge::observed(fixture.runtime.clone(), Recorder::default(), Arc::default());
    let mut processor = BatchProcessor::new(fixture.schema.clone(), 1 << 20, Fields::All, None, judge);
    let odd = payment(TIME, "5").replace(r#""C1""#, "[]");
    let texts = [odd, payment(TIME, "-0.01")];
    let decoded = processor.open(&set, Partition(0), records(&texts), at(TIME));
    let judged = processor.judge(&set, decoded, None, at(TIME), None, &mut || false).unwrap();
    assert_eq!((judged.undecoded[0].0, judged.undecoded[0].1.code), (0, "FIELD_KIND"));
    assert!(judged.findings.is_empty(), "a shadow rule acts on nothing");
    let said: Vec<_> = judged.observer.verdicts.iter().map(|said| (&*said.rule.id.name, said.findings.len())).collect();
    assert_eq!(said, [("negative", 1)]);
}

#[tokio::test]
async fn what_can_not_be_a_set_is_refused_with_the_entry_s_name() {
    let fixture = Fixture::new();
    assert!(
        CompiledModule::compile(&fixture.runtime, b"\0asm")
            .await
            .is_err_and(|why| matches!(why, BuildError::Module(_)))
    );
    let modules = [fixture.module(&Guest::new("limited").parameter("limit", "10")).await];
    let given = |name: &str, parameters: &[(&str, &str)]| entry(name, &modules[0], parameters);
    let why = |entries: &[Entry]| fixture.set(&modules, entries).err().unwrap().to_string();
    assert_eq!(
        why(&[given("a", &[]), given("b", &[("limit", "10")])]),
        "entries a and b have the same module and parameters: each needs its own",
        "a default that is set is the default"
    );
    assert_eq!(
        why(&[given("a", &[]), given("a", &[("limit", "11")])]),
        "entries a and a have the same name: each needs its own"
    );
    assert_eq!(
        why(&[given("a", &[("limt", "1")])]),
        "entry a does not fit: rule limited has no parameter \"limt\"; it has limit"
    );
    let refused = why(&[given("a", &[("limit", "")])]);
    assert!(refused.starts_with("entry a does not fit: ") && refused.contains("is empty"), "{refused}");
    let other = fixture.module(&Guest::new("other")).await;
    let missing = why(&[entry("o", &other, &[])]);
    assert_eq!(missing, format!("entry o names the module {}, which is not among those given", other.sha256()));
}
