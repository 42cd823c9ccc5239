//! What an estate does to an engine's surroundings, each undone after some seconds: the rules directory unmounted, the row of the
//! rule set in force restored from an older backup, readers of the API beside the flow.

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::campaign_log::CampaignLog;
use weir_testkit::pipeline::TestPipeline;
use weir_testkit::pipeline::api::ask;

/// Of `/windows` at once: four times what the API lets read.
const READERS: usize = 8;

#[derive(Default)]
pub(crate) struct Tricks {
    rules_back: Option<Instant>,
    set_back: Option<Instant>,
    readers: Vec<JoinHandle<(u32, u32)>>,
}

impl Tricks {
    pub(crate) fn is_over(&self) -> bool {
        self.rules_back.is_none() && self.set_back.is_none() && self.readers.is_empty()
    }

    /// Moves the rules directory away. None: it is away already.
    pub(crate) fn take_rules(&mut self, pipeline: &TestPipeline, time: Duration) -> Option<String> {
        if self.rules_back.is_some() {
            return None;
        }
        std::fs::rename(pipeline.rules(), away(pipeline)).expect("the folder is ours");
        self.rules_back = Some(Instant::now() + time);
        Some(format!("for {time:?}"))
    }

    /// Sets the revision in force one back. None: it is set back already, or has no older one.
    pub(crate) fn set_back(&mut self, pipeline: &TestPipeline, time: Duration) -> Option<String> {
        if self.set_back.is_some() {
            return None;
        }
        let rows = pipeline.sql("SELECT revision FROM weir_rule_current");
        let revision: u64 = rows.first()?.first()?.parse().expect("a number");
        if revision < 2 {
            return None;
        }
        pipeline.sql(&format!("UPDATE weir_rule_current SET revision = {} WHERE revision = {revision}", revision - 1));
        self.set_back = Some(Instant::now() + time);
        Some(format!("from {revision} for {time:?}"))
    }

    /// Reads windows without a pause.
    pub(crate) fn read(&mut self, admin: u16, time: Duration) -> Option<String> {
        if !self.readers.is_empty() {
            return None;
        }
        let until = Instant::now() + time;
        let reader = move || {
            let (mut answers, mut refusals) = (0, 0);
            while Instant::now() < until {
                match ask(admin, "GET", "/windows?limit=1000", "text/plain", b"") {
                    Some((200, _)) => answers += 1,
                    _ => {
                        refusals += 1;
                        std::thread::sleep(Duration::from_millis(50));
                    }
                }
            }
            (answers, refusals)
        };
        self.readers = (0..READERS).map(|_| std::thread::spawn(reader)).collect();
        Some(format!("{READERS} for {time:?}"))
    }

    /// Undoes what is due; `database`: whether it can be asked.
    pub(crate) fn tick(
        &mut self,
        pipeline: &TestPipeline,
        (at_once, database): (bool, bool),
        campaign_log: &mut CampaignLog,
    ) {
        let due = |until: &mut Instant| at_once || Instant::now() >= *until;
        if self.rules_back.take_if(due).is_some() {
            std::fs::rename(away(pipeline), pipeline.rules()).expect("nobody makes the folder meanwhile");
            campaign_log.note("the rules directory is back");
        }
        if database && self.set_back.take_if(due).is_some() {
            pipeline.sql("UPDATE weir_rule_current SET revision = (SELECT MAX(revision) FROM weir_audit)");
            campaign_log.note("the rule set in force is the newest again");
        }
        if !self.readers.is_empty() && self.readers.iter().all(JoinHandle::is_finished) {
            let read = self.readers.drain(..).map(|reader| reader.join().expect("a reader does not panic"));
            let (answers, refusals) = read.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
            campaign_log.note(format!("readers had {answers} answers and {refusals} refusals"));
        }
    }
}

fn away(pipeline: &TestPipeline) -> PathBuf {
    pipeline.folder.path().join("rules.away")
}
