//! The disk of the stack's MariaDB, full for a while.

use std::process::Command;
use std::time::{Duration, Instant};

use weir_testkit::stack::full_disk::FullDisk;
use weir_testkit::stack::{Stack, root};

pub(crate) struct Disk {
    disk: FullDisk,
    full_until: Option<Instant>,
}

impl Disk {
    /// MariaDB is started anew on it.
    pub(crate) fn under(stack: &Stack) -> Self {
        let (folder, run) = (stack.folder(), stack.folder().join("mysql/run"));
        let disk = FullDisk::new(&folder);
        let env = disk.env().map(|(name, value)| format!("{name}={} ", value.display())).concat();
        let temporary = format!("WEIR_FULL_TEMPORARY={} ", stack.folder().join("mysql/tmp").display());
        let script = std::fs::read_to_string(&run).expect("stack/up wrote it");
        assert!(script.contains("exec env ") && script.contains(" mariadbd --no-defaults "), "{script}");
        // The part of a binary log that does not fit into a session's cache is in a temporary file until COMMIT: so a
        // checkpoint that brings more than a few rows needs room, whatever the tables have. The log itself is on another disk.
        let log = "--log-bin --server-id=1 --binlog-format=ROW --binlog-cache-size=4096 --max-binlog-size=16M --binlog-expire-logs-seconds=60";
        // One file for all tables, so that who fills it fills it for all.
        let one_file = "--innodb-file-per-table=0 --innodb-autoextend-increment=1";
        let script = script.replace("exec env ", &format!("exec env {env}{temporary}"));
        let script = script.replace(" mariadbd --no-defaults ", &format!(" mariadbd --no-defaults {one_file} {log} "));
        std::fs::write(&run, script).expect("the folder is writable");
        for action in ["stop", "start"] {
            let status = Command::new(root().join("stack/service")).args([action, "mysql"]).arg(&folder).status();
            assert!(status.expect("stack/service runs").success(), "{action} mysql");
        }
        Self { disk, full_until: None }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full_until.is_some()
    }

    pub(crate) fn fill(&mut self, time: Duration) {
        self.disk.fill();
        self.full_until = Some(Instant::now() + time);
    }

    /// True: there is room again, just now.
    pub(crate) fn tick(&mut self, at_once: bool) -> bool {
        let over = self.full_until.take_if(|until| at_once || *until <= Instant::now()).is_some();
        if over {
            self.disk.free();
        }
        over
    }
}
