//! A Redis that knows every customer, for filling the lookup's cache: a real one would have to be started and filled, and
//! is not in what is measured.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::{TcpListener, TcpStream};

/// Its URL. HMGET gets "retail" for each field, everything else "OK".
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            std::thread::spawn(|| answer(&connection.unwrap()));
        }
    });
    url
}

fn answer(connection: &TcpStream) -> Option<()> {
    let (mut reader, mut writer) = (BufReader::new(connection), BufWriter::new(connection));
    loop {
        let words = number(&mut reader)?;
        let command = (0..words).map(|_| word(&mut reader)).collect::<Option<Vec<_>>>()?;
        if command[0].eq_ignore_ascii_case(b"HMGET") {
            let fields = command.len() - 2;
            write!(writer, "*{fields}\r\n{}", "$6\r\nretail\r\n".repeat(fields)).ok()?;
        } else {
            write!(writer, "+OK\r\n").ok()?;
        }
        if reader.buffer().is_empty() {
            writer.flush().ok()?;
        }
    }
}

/// A line as in "*3" or "$5"; None at the end.
fn number(reader: &mut impl BufRead) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.get(1..)?.trim_end().parse().ok()
}

fn word(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut bytes = vec![0; number(reader)? + 2];
    reader.read_exact(&mut bytes).ok()?;
    bytes.truncate(bytes.len() - 2);
    Some(bytes)
}
