//! Lines of the log, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::lossy::Lossy;

/// Logs to standard error, one JSON object or one line of text each; `WEIR_LOG` filters as `RUST_LOG` does elsewhere
/// (`info` unless set). In color on a terminal only, and not where `NO_COLOR` is set. A second call changes nothing.
///
/// What many lines have in common (worker, partition, revision) is in the spans that they are in, outermost first:
/// `worker{worker=0}:batch{partition=3 revision=12}:` before a text, `spans` of an object.
pub fn init_logs(json: bool) {
    let filter = EnvFilter::try_from_env("WEIR_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // At its end it calls an error that the source has closed the consumer before, as it has to: a reader may live longer.
    let filter = filter.add_directive("rdkafka::consumer::base_consumer=off".parse().expect("a directive"));
    let colors = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lossy).with_ansi(colors);
    // It would panic where it can't say so.
    let logs = logs.log_internal_errors(false);
    // Err: logs were set up already, by a test or an embedding program; theirs stay.
    let _ = match json {
        // The innermost span is the last of the list, so it is not written once more.
        true => logs.json().flatten_event(true).with_current_span(false).try_init(),
        false => logs.with_target(false).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a process logs that runs this test alone: a process sets its logs up once.
    fn logged(test: &str, form: &str) -> String {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let test = format!("telemetry::logs::tests::{test}");
        let output = again.args([&*test, "--exact", "--nocapture"]).env("WEIR_TEST_LOGS", form).env_remove("WEIR_LOG");
        String::from_utf8(output.output().unwrap().stderr).unwrap()
    }

    #[test]
    fn a_log_that_goes_to_no_terminal_has_no_color_codes() {
        if std::env::var_os("WEIR_TEST_LOGS").is_some() {
            init_logs(false);
            tracing::warn!(answer = 42, "logged");
            return;
        }
        let log = logged("a_log_that_goes_to_no_terminal_has_no_color_codes", "text");
        assert!(log.contains("WARN logged answer=42"), "{log:?}");
        assert!(!log.contains('\x1b'), "{log:?}");
    }

    #[test]
    fn a_line_says_worker_partition_and_revision_once_in_either_form() {
        if let Some(form) = std::env::var_os("WEIR_TEST_LOGS") {
            init_logs(form == "json");
            let _worker = tracing::error_span!("worker", worker = 3).entered();
            let _batch = tracing::error_span!("batch", partition = 7, revision = 12).entered();
            tracing::warn!(answer = 42, "logged");
            return;
        }
        let logged = |form| logged("a_line_says_worker_partition_and_revision_once_in_either_form", form);
        let text = logged("text");
        assert!(
            text.ends_with(" WARN worker{worker=3}:batch{partition=7 revision=12}: logged answer=42\n"),
            "{text:?}"
        );
        let mut line: serde_json::Value = serde_json::from_str(&logged("json")).unwrap();
        assert!(line["timestamp"].is_string());
        line.as_object_mut().unwrap().remove("timestamp");
        let wanted = serde_json::json!({
            "level": "WARN", "target": "weir::telemetry::logs::tests", "message": "logged", "answer": 42,
            "spans": [{ "name": "worker", "worker": 3 }, { "name": "batch", "partition": 7, "revision": 12 }],
        });
        assert_eq!(line, wanted);
    }
}
