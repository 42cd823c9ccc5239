//! A real mariadbd of the test's own, on a free port over a fresh folder. It ends with the value.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct MariaDb {
    server: Child,
    pub(crate) port: u16,
    folder: tempfile::TempDir,
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl MariaDb {
    /// Starts it with a user `weir` (password `secret`) and an empty database `weir`.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for mariadbd");
        let data = folder.path().join("data");
        Self::start_on(folder, &data, &[])
    }

    /// The same with its data in a folder of the test's, and more settings.
    pub(crate) fn start_on(folder: tempfile::TempDir, data: &Path, settings: &[&str]) -> Self {
        // Its own: whoever starts removes what others have in a shared one, and their installation fails.
        let temporary = folder.path().join("tmp");
        std::fs::create_dir(&temporary).expect("the folder is writable");
        // The server refuses to run as root unless told to; an ordinary user, whose the folder is then, may not name root.
        let is_root = std::fs::metadata(&temporary).expect("it was just made").uid() == 0;
        let user: &[&str] = if is_root { &["--user=root"] } else { &[] };
        let installed = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .args(user)
            .arg(format!("--datadir={}", data.display()))
            .args(settings)
            .env("TMPDIR", &temporary)
            .output()
            .expect("mariadb-install-db is installed");
        let said = String::from_utf8_lossy(&installed.stderr);
        assert!(installed.status.success(), "mariadb-install-db: {}: {said}", installed.status);
        let init = folder.path().join("init.sql");
        std::fs::write(
            &init,
            "CREATE DATABASE weir;\nCREATE USER 'weir'@'%' IDENTIFIED BY 'secret';\nGRANT ALL ON weir.* TO 'weir'@'%';\n",
        )
        .expect("the folder is writable");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let server = Command::new("/usr/sbin/mariadbd")
            .args(["--no-defaults", "--skip-networking=0", "--bind-address=127.0.0.1"])
            .args(user)
            .args(["--innodb-buffer-pool-size=32M", "--skip-name-resolve"])
            .arg(format!("--port={port}"))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", folder.path().join("sock").display()))
            .arg(format!("--pid-file={}", folder.path().join("pid").display()))
            .arg(format!("--init-file={}", init.display()))
            .args(settings)
            .env("TMPDIR", &temporary)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).expect("the folder is writable"))
            .spawn()
            .expect("/usr/sbin/mariadbd starts");
        let mut database = Self { server, port, folder };
        database.wait();
        database
    }

    fn wait(&mut self) {
        let end = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.server.try_wait().expect("the child can be asked");
            if ended.is_some() || Instant::now() > end {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("mariadbd did not answer ({ended:?}):\n{log}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn url(&self) -> String {
        self.url_with("secret", "weir")
    }

    pub(crate) fn url_with(&self, password: &str, database: &str) -> String {
        format!("mysql://weir:{password}@127.0.0.1:{}/{database}", self.port)
    }
}
