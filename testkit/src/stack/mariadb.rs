//! A real mariadbd of the test's own, on a free port over a fresh folder. It ends with the value.

use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::wait::STILL;

use super::port::free_port;
use super::root;

/// A server; it ends with the value.
pub struct MariaDb {
    server: Child,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    folder: tempfile::TempDir,
    data: PathBuf,
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl MariaDb {
    /// Starts it with a user `weir` (password `secret`) and an empty database `weir`.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for mariadbd");
        let data = folder.path().join("data");
        Self::start_on(folder, &data, &[])
    }

    /// The same with its data in a folder of the test's, and more settings.
    pub fn start_on(folder: tempfile::TempDir, data: &Path, settings: &[&str]) -> Self {
        // Its own: whoever starts removes what others have in a shared one, and their installation fails.
        let temporary = folder.path().join("tmp");
        std::fs::create_dir(&temporary).expect("the folder is writable");
        // What is said of the files of InnoDB counts when they are made; any other setting may come later.
        let mut install = if settings.iter().any(|setting| setting.starts_with("--innodb")) {
            let mut install = Command::new("mariadb-install-db");
            install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
            install.args(user(folder.path())).arg(format!("--datadir={}", data.display())).args(settings);
            install
        } else {
            let mut copy = Command::new(root().join("stack/mysql-data"));
            copy.arg(data);
            copy
        };
        let installed = install.env("TMPDIR", &temporary).output().expect("mariadb-install-db is installed");
        let said = String::from_utf8_lossy(&installed.stderr);
        assert!(installed.status.success(), "{install:?}: {}: {said}", installed.status);
        // Read at every start.
        std::fs::write(
            folder.path().join("init.sql"),
            "CREATE DATABASE IF NOT EXISTS weir;\nCREATE USER IF NOT EXISTS 'weir'@'%' IDENTIFIED BY 'secret';\nGRANT ALL ON weir.* TO 'weir'@'%';\n",
        )
        .expect("the folder is writable");
        let port = free_port();
        let server = serve(folder.path(), data, port, settings);
        let mut database = Self { server, port, folder, data: data.to_owned() };
        database.wait();
        database
    }

    /// Ends it as an operator does and starts it again with other settings; it keeps its port.
    pub fn restart_with(&mut self, settings: &[&str]) {
        self.stop();
        self.start_again(settings);
    }

    /// Ends it as an operator does, until [`MariaDb::start_again`].
    pub fn stop(&mut self) {
        self.signal("TERM");
        // Not asked how it ended: on a disk that is full to the last byte it had ended itself.
        self.server.wait().expect("it is ours");
    }

    /// Starts it on its port after [`MariaDb::stop`].
    pub fn start_again(&mut self, settings: &[&str]) {
        self.server = serve(self.folder.path(), &self.data, self.port, settings);
        self.wait();
    }

    /// It answers nobody, and keeps its connections, until [`MariaDb::resume`].
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// It goes on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.server.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs").success());
    }

    /// A file of options with which MariaDB's client gets in as `weir`, who may make databases `weir_…` from now on.
    pub fn client(&self) -> PathBuf {
        let grant = "GRANT ALL ON `weir\\_%`.* TO weir@'%'";
        let socket = format!("--socket={}", self.folder.path().join("sock").display());
        let granted = Command::new("mariadb").args(["--no-defaults", "-uroot", &socket, "-e", grant]).status();
        assert!(granted.expect("mariadb is installed").success(), "{grant}");
        let file = self.folder.path().join("client.cnf");
        let port = self.port;
        let text = format!("[client]\nprotocol=tcp\nhost=127.0.0.1\nport={port}\nuser=weir\npassword=secret\n");
        std::fs::write(&file, text).expect("the folder is writable");
        file
    }

    /// `mysql://USER:PASSWORD@HOST:PORT`
    pub fn bare_url(&self) -> String {
        format!("mysql://weir:secret@127.0.0.1:{}", self.port)
    }

    fn wait(&mut self) {
        let end = Instant::now() + STILL;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.server.try_wait().expect("the child can be asked");
            if ended.is_some() || Instant::now() > end {
                panic!("mariadbd did not answer ({ended:?}):\n{}", self.said());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Of the user `weir` and the database `weir`.
    pub fn url(&self) -> String {
        self.url_with("secret", "weir")
    }

    /// Of the user who may set what counts for everybody; by the server's socket.
    pub fn url_of_root(&self) -> String {
        format!("mysql://root@localhost/weir?socket={}", self.folder.path().join("sock").display())
    }

    /// Of the user `weir` with this password and database.
    pub fn url_with(&self, password: &str, database: &str) -> String {
        format!("mysql://weir:{password}@127.0.0.1:{}/{database}", self.port)
    }
}

/// The server refuses to run as root unless told to; an ordinary user, whose the folder is then, may not name root.
fn user(folder: &Path) -> &'static [&'static str] {
    let is_root = std::fs::metadata(folder).expect("it is there").uid() == 0;
    if is_root { &["--user=root"] } else { &[] }
}

/// Starts it over what was installed, and what it says is added to its log.
fn serve(folder: &Path, data: &Path, port: u16, settings: &[&str]) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log"));
    Command::new("/usr/sbin/mariadbd")
        .args(["--no-defaults", "--skip-networking=0", "--bind-address=127.0.0.1"])
        .args(user(folder))
        .args(["--innodb-buffer-pool-size=32M", "--skip-name-resolve"])
        .arg(format!("--port={port}"))
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--socket={}", folder.join("sock").display()))
        .arg(format!("--pid-file={}", folder.join("pid").display()))
        .arg(format!("--init-file={}", folder.join("init.sql").display()))
        .args(settings)
        .env("TMPDIR", folder.join("tmp"))
        .stdout(Stdio::null())
        .stderr(log.expect("the folder is writable"))
        .spawn()
        .expect("/usr/sbin/mariadbd starts")
}
