//! A real Redis of the test's own. It ends when the test ends.

use std::process::{Child, Command, Stdio};

use weir_testkit::wait;

pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
}

impl Server {
    pub(super) fn start(port: u16) -> Self {
        Self::with(port, &[])
    }

    /// With more settings.
    pub(super) fn with(port: u16, settings: &[&str]) -> Self {
        let child = Command::new("/usr/bin/redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(settings)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port };
        wait::until(&format!("redis-server starts on port {port}"), || {
            let answer = server.connection().and_then(|mut up| redis::cmd("PING").query::<redis::Value>(&mut up));
            !answer.is_err_and(closed)
        });
        server
    }

    fn connection(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?.get_connection()
    }

    pub(super) fn run(&self, command: &[&str]) {
        let mut connection = self.connection().unwrap();
        redis::cmd(command[0]).arg(&command[1..]).query::<redis::Value>(&mut connection).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Nobody answers yet; that a password is wanted would be an answer.
fn closed(error: redis::RedisError) -> bool {
    error.code() != Some("NOAUTH")
}

pub(super) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
