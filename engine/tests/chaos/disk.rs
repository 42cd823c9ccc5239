//! MariaDB's disk, full for a while: a library in front of the C library's lets no file grow. It needs no file system of
//! its own and no rights.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::stack::{Stack, root};

pub(crate) struct Disk {
    flag: PathBuf,
    full_until: Option<Instant>,
}

impl Disk {
    /// Puts the library under the stack's MariaDB, which is started anew for it.
    pub(crate) fn under(stack: &Stack) -> Self {
        let (folder, run) = (stack.folder(), stack.folder().join("mysql/run"));
        let (library, flag) = (folder.join("full_disk.so"), folder.join("full"));
        build(&library);
        let script = std::fs::read_to_string(&run).expect("stack/up wrote it");
        let preloaded = format!("exec env LD_PRELOAD={} WEIR_FULL_DISK={} ", library.display(), flag.display());
        assert!(script.contains("exec env ") && script.contains(" mariadbd --no-defaults "), "{script}");
        // One file for all tables, so that who fills it fills it for all.
        let one_file = " mariadbd --no-defaults --innodb-file-per-table=0 --innodb-autoextend-increment=1 ";
        let script = script.replace("exec env ", &preloaded).replace(" mariadbd --no-defaults ", one_file);
        std::fs::write(&run, script).expect("the folder is writable");
        for action in ["stop", "start"] {
            let status = Command::new(root().join("stack/service")).args([action, "mysql"]).arg(&folder).status();
            assert!(status.expect("stack/service runs").success(), "{action} mysql");
        }
        Self { flag, full_until: None }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full_until.is_some()
    }

    pub(crate) fn fill(&mut self, time: Duration) {
        std::fs::write(&self.flag, "").expect("the stack's folder is writable");
        self.full_until = Some(Instant::now() + time);
    }

    /// True: there is room again, just now.
    pub(crate) fn tick(&mut self, at_once: bool) -> bool {
        let over = self.full_until.take_if(|until| at_once || *until <= Instant::now()).is_some();
        if over {
            std::fs::remove_file(&self.flag).expect("it is there while the disk is full");
        }
        over
    }
}

fn build(library: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/full_disk.c");
    let output =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([library, &source]).arg("-ldl").output();
    let output = output.expect("cc, which rustc links with");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
