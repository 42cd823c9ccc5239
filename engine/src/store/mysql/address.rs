//! `mysql://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE&…` of `sink.url`. The driver passes over what it does not know, and
//! a misspelled `ssl-mode` would check no certificate: here every parameter has to be one. No error shows the password.

use std::str::FromStr;

use sqlx::mysql::MySqlConnectOptions;

const WANTED: &str = "is wanted as mysql://USER:PASSWORD@HOST:PORT/DATABASE, with %23, %2F, %3F and %40 for #, /, ? and @ in the password";

/// Parameters of the URL that are allowed. The driver takes others, which would undo settings that the engine depends on.
const KNOWN: [&str; 7] = ["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "socket", "charset", "statement-cache-capacity"];

const MODES: [&str; 5] = ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"];

/// How to connect, or what is wrong and what to write.
pub(super) fn options(url: &str) -> Result<MySqlConnectOptions, String> {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    parameters(rest.split_once('?').map_or("", |(_, query)| query))?;
    let options = MySqlConnectOptions::from_str(&format!("mysql://{rest}")).map_err(|_| WANTED.to_owned())?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(format!("names no database: it {WANTED}"));
    }
    Ok(options)
}

fn parameters(query: &str) -> Result<(), String> {
    let mut verifies = false;
    let mut files = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent(value);
        match name {
            "ssl-mode" => {
                if !MODES.contains(&value.to_uppercase().as_str()) {
                    return Err(format!("ssl-mode is none of {}", MODES.join(", ")));
                }
                verifies = value.to_uppercase().starts_with("VERIFY");
            }
            "ssl-ca" | "ssl-cert" | "ssl-key" => {
                let read =
                    std::fs::read_to_string(&value).map_err(|why| format!("{name}: {value:?} can't be read: {why}"))?;
                if !read.contains("-----BEGIN ") {
                    return Err(format!("{name}: {value:?} holds no PEM (-----BEGIN …)"));
                }
                files.push(name);
            }
            "statement-cache-capacity" => {
                value.parse::<usize>().map_err(|_| format!("{name} is no number"))?;
            }
            name if KNOWN.contains(&name) => {}
            name => {
                let near = KNOWN.iter().min_by_key(|known| strsim::damerau_levenshtein(known, &name.to_lowercase()));
                let near = near.expect("some are known");
                // What is here may be the rest of a password with a question mark in it.
                let shown = name.len() <= 32 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
                let shown = if shown { format!("{name:?}") } else { "what stands behind the question mark".into() };
                return Err(format!("has no parameter {shown}; did you mean {near:?}? There are {}", KNOWN.join(", ")));
            }
        }
    }
    if files.contains(&"ssl-cert") != files.contains(&"ssl-key") {
        return Err("ssl-cert and ssl-key go together: give both or none".into());
    }
    if files.contains(&"ssl-ca") && !verifies {
        return Err(
            "has ssl-ca, and ssl-mode that checks no certificate: write ssl-mode=VERIFY_CA or VERIFY_IDENTITY".into()
        );
    }
    Ok(())
}

/// The text with its percent-encoding decoded; what is not percent-encoded stays as it is.
fn percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let coded = others.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match coded.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &others[2..];
            }
            _ => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(query: &str) -> String {
        options(&format!("mysql://weir:s3cret@db:3306/weir?{query}")).expect_err(query)
    }

    #[test]
    fn a_parameter_that_is_none_is_named_with_the_nearest_and_no_value_is_shown() {
        for (query, told) in [
            ("sslMode=VERIFY_CA", "no parameter \"sslMode\"; did you mean \"ssl-mode\"?"),
            ("ssl_mode=required", "no parameter \"ssl_mode\"; did you mean \"ssl-mode\"?"),
            ("ssl-mode=DISABLED&sslca=hidden", "no parameter \"sslca\"; did you mean \"ssl-ca\"?"),
            ("pa$$word@host/weir", "what stands behind the question mark"),
            ("ssl-mode=hidden", "ssl-mode is none of DISABLED, PREFERRED"),
            ("ssl-mode=VERIFY_CA&ssl-ca=/no%20where", "ssl-ca: \"/no where\" can't be read: No such file"),
            ("ssl-ca=/etc/hostname", "holds no PEM"),
            ("statement-cache-capacity=hidden", "is no number"),
        ] {
            let why = refused(query);
            assert!(why.contains(told), "{query}: {why}");
            assert!(!why.contains("s3cret") && !why.contains("hidden") && !why.contains("pa$$"), "{why}");
        }
    }

    #[test]
    fn files_that_would_not_count_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.pem");
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----").unwrap();
        let file = file.display();
        assert!(refused(&format!("ssl-cert={file}")).contains("go together"));
        assert!(refused(&format!("ssl-ca={file}")).contains("checks no certificate"));
        let whole = format!("ssl-mode=verify_ca&ssl-ca={file}&ssl-cert={file}&ssl-key={file}");
        options(&format!("mariadb://weir:s3cret@db/weir?{whole}")).unwrap();
    }

    #[test]
    fn an_address_without_a_database_or_none_at_all_says_what_is_wanted() {
        for url in ["mysql://weir:s3cret@db:3306", "mysql://weir:s3c#ret@db/weir", "mysql://weir:s3cret@db:port/weir"] {
            let why = options(url).expect_err(url);
            assert!(why.contains("mysql://USER:PASSWORD@HOST") && !why.contains("s3c"), "{why}");
        }
    }
}
