//! The disk of the stack's MariaDB, full for a while.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::full_disk::FullDisk;
use crate::stack::{Stack, root};

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
        let script = std::fs::read_to_string(&run).expect("stack/up wrote it");
        assert!(script.contains("exec env ") && script.contains(" mariadbd --no-defaults "), "{script}");
        // One file for all tables, so that who fills it fills it for all.
        let one_file = " mariadbd --no-defaults --innodb-file-per-table=0 --innodb-autoextend-increment=1 ";
        let script = script.replace("exec env ", &format!("exec env {env}"));
        let script = script.replace(" mariadbd --no-defaults ", one_file);
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
