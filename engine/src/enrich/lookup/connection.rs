//! The way to one lookup's Redis: from its address and authority to a connection, which is made when it is first needed and
//! dropped when anything is wrong with it. The only file that knows the client.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, TlsCertificates};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::refusal::{self, Failed, Said};
use crate::config;

/// One a key: its values in the order of the fields; None: the key holds something that is no hash.
pub(super) type Hashes = Vec<Option<Vec<Option<Vec<u8>>>>>;

/// The connection to one Redis, which is made when it is first needed and again when it breaks.
pub(super) struct Connection {
    lookup: String,
    client: Client,
    /// Time-out of making a connection, and of an answer.
    timeout: Duration,
    /// As for Redis' ACL: `customer:*`.
    pattern: String,
    open: Mutex<Open>,
}

/// Numbered, so that whoever met a fault closes the connection that had it, and not one that was made since.
#[derive(Default)]
struct Open {
    number: u64,
    connection: Option<MultiplexedConnection>,
}

impl Connection {
    /// Connects nothing. The error says what to fix; it goes on after the lookup's name.
    pub(super) fn new(name: &str, table: &config::Lookup) -> Result<Self, String> {
        Ok(Self {
            lookup: name.to_owned(),
            client: client(table)?,
            timeout: table.timeout,
            pattern: refusal::pattern(&table.key),
            open: Mutex::default(),
        })
    }

    /// One HMGET a key, all in one go.
    pub(super) async fn hashes(&self, keys: &[String], fields: &[String]) -> Result<Hashes, Failed> {
        let mut pipe = redis::pipe();
        pipe.ignore_errors();
        for key in keys {
            pipe.cmd("HMGET").arg(key).arg(fields);
        }
        let answers: Vec<redis::RedisResult<Vec<Option<Vec<u8>>>>> = self.ask(&pipe).await?;
        let hashes: redis::RedisResult<Hashes> =
            answers.into_iter().map(|answer| answer.map(Some).or_else(no_hash)).collect();
        // The connection is in order: what was refused is what was asked.
        hashes.map_err(|error| self.failed(&error))
    }

    /// Whether a new connection gets any answer at all in time.
    pub(super) async fn answers(&self) -> bool {
        let mut pipe = redis::pipe();
        pipe.ignore_errors().cmd("PING");
        let pong: Result<Vec<redis::RedisResult<redis::Value>>, Failed> = self.ask(&pipe).await;
        pong.is_ok()
    }

    /// How many nodes of a Redis Cluster share the keys; 0: it is none, or may not be asked.
    pub(super) async fn shards(&self) -> Result<u64, Failed> {
        let mut pipe = redis::pipe();
        pipe.ignore_errors().cmd("CLUSTER").arg("INFO");
        let mut said: Vec<redis::RedisResult<String>> = self.ask(&pipe).await?;
        let info = said.pop().and_then(Result::ok).unwrap_or_default();
        let size = info.lines().find_map(|line| line.strip_prefix("cluster_size:"));
        Ok(size.and_then(|size| size.trim().parse().ok()).unwrap_or(0))
    }

    async fn ask<T: redis::FromRedisValue>(&self, pipe: &redis::Pipeline) -> Result<T, Failed> {
        let (number, mut connection) = self.connection().await?;
        let failed = match timeout(self.timeout, pipe.query_async(&mut connection)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => self.failed(&error),
            // What is still to come would be before the next answer.
            Err(_) => Failed::TimedOut,
        };
        let mut open = self.open.lock().await;
        if open.number == number {
            open.connection = None;
        }
        Err(failed)
    }

    async fn connection(&self) -> Result<(u64, MultiplexedConnection), Failed> {
        let mut open = self.open.lock().await;
        if let Some(connection) = &open.connection {
            return Ok((open.number, connection.clone()));
        }
        let connection = self.connect(&self.client).await?;
        open.number += 1;
        open.connection = Some(connection.clone());
        Ok((open.number, connection))
    }

    async fn connect(&self, client: &Client) -> Result<MultiplexedConnection, Failed> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let made = timeout(self.timeout, client.get_multiplexed_async_connection_with_config(&config)).await;
        match made.map_err(|_| self.silent())? {
            Ok(connection) => Ok(connection),
            // The client keeps to itself what Redis said, which may be that it has too many connections.
            Err(error) if error.kind() == ErrorKind::AuthenticationFailed => Err(self.login().await),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Logs in once more, by hand, for Redis' own words.
    async fn login(&self) -> Failed {
        let info = self.client.get_connection_info();
        let settings = info.redis_settings();
        let mut auth = redis::cmd("AUTH");
        settings.username().into_iter().chain(settings.password()).for_each(|part| {
            auth.arg(part);
        });
        let bare = redis::RedisConnectionInfo::default().set_skip_set_lib_name();
        let login = async {
            let mut connection = Client::open(info.clone().set_redis_settings(bare))?
                .get_multiplexed_async_connection_with_config(&AsyncConnectionConfig::new())
                .await?;
            auth.query_async::<()>(&mut connection).await
        };
        match timeout(self.timeout, login).await {
            Ok(Err(error)) => self.failed(&error),
            Ok(Ok(())) => Failed::Away("it refused the login, and then did not".into()),
            Err(_) => Failed::TimedOut,
        }
    }

    fn speaks_tls(&self) -> bool {
        matches!(self.client.get_connection_info().addr(), redis::ConnectionAddr::TcpTls { .. })
    }

    /// No connection was made in time.
    fn silent(&self) -> Failed {
        if !self.speaks_tls() {
            return Failed::TimedOut;
        }
        Failed::Away(format!(
            "no connection over TLS within {} ms. If that lasts: Redis speaks no TLS on this port, and lookup.{}.url has to begin \
             with redis://",
            self.timeout.as_millis(),
            self.lookup
        ))
    }

    fn failed(&self, error: &RedisError) -> Failed {
        let tls = self.speaks_tls();
        // As Redis writes it: "NOPERM User weir has no permissions …".
        let text = match (error.code(), error.detail()) {
            (Some(code), Some(detail)) => format!("{code} {detail}"),
            _ => error.to_string(),
        };
        let closed = error.is_connection_dropped() && !error.is_connection_refusal();
        let said = Said { code: error.code(), text: &text, closed, tls };
        refusal::of(&self.lookup, &self.pattern, &said)
    }
}

fn client(table: &config::Lookup) -> Result<Client, String> {
    // The client's own error may quote the URL, and with it a password.
    let wrong = |_| "url: is no address of a Redis; write \"redis://host:6379\", or rediss:// for TLS".to_owned();
    let url = table.url.expose_secret();
    if url.contains('#') {
        return Err("url: has a #; %23 in a password, and a certificate is always checked".into());
    }
    let Some(path) = &table.ca else { return Client::open(url).map_err(wrong) };
    let shown = path.display();
    let authority = std::fs::read(path).map_err(|why| format!("ca: {shown} can't be read: {why}"))?;
    if !url.starts_with("rediss://") {
        return Err("ca: is for TLS, and url begins with redis://; write rediss://".into());
    }
    if !String::from_utf8_lossy(&authority).contains("-----BEGIN CERTIFICATE-----") {
        return Err(format!("ca: {shown} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"));
    }
    Client::open(url).map_err(wrong)?;
    let certificates = TlsCertificates { client_tls: None, root_cert: Some(authority) };
    Client::build_with_tls(url, certificates)
        .map_err(|why| format!("ca: {shown} holds no certificate that can be read: {why}"))
}

/// A key of another type is dirt in Redis and never gets better by waiting; every other error may.
fn no_hash(error: RedisError) -> redis::RedisResult<Option<Vec<Option<Vec<u8>>>>> {
    if error.code() == Some("WRONGTYPE") { Ok(None) } else { Err(error) }
}
