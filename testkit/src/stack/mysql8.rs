//! A real MySQL 8 of the test's own, Oracle's build (`stack/mysql8-fetch`), on a free port over a fresh folder. It ends
//! with the value. Logging in is caching_sha2_password, with TLS by a certificate that the server made for itself.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::wait::STILL;

use super::port::free_port;

/// A server; it ends with the value.
pub struct Mysql8 {
    server: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Mysql8 {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn base() -> PathBuf {
    let fetch = super::root().join("stack/mysql8-fetch");
    let fetched = Command::new(&fetch).output().expect("stack/mysql8-fetch runs");
    assert!(fetched.status.success(), "stack/mysql8-fetch: {}", String::from_utf8_lossy(&fetched.stderr));
    PathBuf::from(String::from_utf8_lossy(&fetched.stdout).trim())
}

impl Mysql8 {
    /// With a user `weir` (password `secret`) who may do anything, also make users, and an empty database `weir`.
    pub fn start() -> Self {
        let base = base();
        let folder = tempfile::tempdir().expect("a folder for mysqld");
        let at = folder.path();
        let is_root = std::fs::metadata(at).expect("it is there").uid() == 0;
        std::fs::create_dir(at.join("tmp")).expect("the folder is writable");
        std::fs::write(
            at.join("init.sql"),
            "CREATE DATABASE IF NOT EXISTS weir;\nCREATE USER IF NOT EXISTS weir@'%' IDENTIFIED BY 'secret';\n\
             GRANT ALL ON *.* TO weir@'%' WITH GRANT OPTION;\n",
        )
        .expect("the folder is writable");
        let mysqld = || {
            let mut command = Command::new(base.join("bin/mysqld"));
            command.arg("--no-defaults").args(is_root.then_some("--user=root"));
            command
                .arg(format!("--basedir={}", base.display()))
                .arg(format!("--datadir={}", at.join("data").display()));
            command.arg(format!("--tmpdir={}", at.join("tmp").display()));
            command.args([
                "--innodb-redo-log-capacity=16M",
                "--innodb-buffer-pool-size=32M",
                "--performance-schema=OFF",
            ]);
            command.args(["--mysqlx=OFF", "--innodb-flush-log-at-trx-commit=2", "--skip-log-bin"]);
            command.env("LD_LIBRARY_PATH", base.join("lib/private")).stdin(Stdio::null());
            command
        };
        let made = mysqld().arg("--initialize-insecure").output().expect("mysqld runs");
        assert!(made.status.success(), "mysqld: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let log = std::fs::File::create(at.join("log")).expect("the folder is writable");
        let server = mysqld()
            .args(["--bind-address=127.0.0.1", "--socket=sock", "--pid-file=pid", "--skip-name-resolve"])
            .arg(format!("--port={port}"))
            .arg(format!("--init-file={}", at.join("init.sql").display()))
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("mysqld starts");
        let mut database = Self { server, port, folder };
        let end = Instant::now() + STILL;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = database.server.try_wait().expect("the child can be asked");
            if ended.is_some() || Instant::now() > end {
                let said = std::fs::read_to_string(database.folder.path().join("log")).unwrap_or_default();
                panic!("mysqld did not answer ({ended:?}):\n{said}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        database
    }

    /// Of the user `weir` and the database `weir`.
    pub fn url(&self) -> String {
        self.url_of("weir", "secret", "")
    }

    /// Without a database.
    pub fn bare_url(&self) -> String {
        format!("mysql://weir:secret@127.0.0.1:{}", self.port)
    }

    /// A file of options with which MariaDB's client gets in. That sends a password only over TLS.
    pub fn client(&self) -> PathBuf {
        let file = self.folder.path().join("client.cnf");
        let options = format!("[client]\nhost=127.0.0.1\nport={}\nuser=weir\npassword=secret\nssl\n", self.port);
        std::fs::write(&file, options).expect("the folder is writable");
        file
    }

    /// `parameters`: what is behind the question mark.
    pub fn url_of(&self, user: &str, password: &str, parameters: &str) -> String {
        format!("mysql://{user}:{password}@127.0.0.1:{}/weir?{parameters}", self.port)
    }

    /// The certificate of the authority that the server made for itself.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("data/ca.pem")
    }
}
