//! The cookie in which a browser keeps a session: its name, and the attributes that keep it from scripts, from other sites
//! and, behind TLS, from the wire.

use axum::http::{HeaderMap, HeaderValue, header};

use super::session::SECONDS;

/// Cookies of our name that are looked at: whoever may set one for this host could send thousands.
const LOOKED_AT: usize = 4;

/// The session's cookie.
#[derive(Clone, Debug)]
pub(in crate::admin) struct Cookie {
    name: String,
    attributes: String,
}

impl Cookie {
    /// Browsers keep the cookies of a host together, whatever the port: the pipeline's name keeps those of two engines apart.
    pub(in crate::admin) fn new(pipeline: &str, is_secure: bool) -> Self {
        // `__Host-`: the browser takes no such cookie from another host of the domain, nor without TLS.
        let (prefix, secure) = if is_secure { ("__Host-", "; Secure") } else { ("", "") };
        Self {
            name: format!("{prefix}weir-session-{pipeline}"),
            attributes: format!("; Path=/; HttpOnly; SameSite=Strict{secure}"),
        }
    }

    /// The header that makes a browser keep this session.
    pub(in crate::admin) fn set(&self, session: &str) -> HeaderValue {
        self.header(session, SECONDS)
    }

    /// The header that makes a browser forget it.
    pub(in crate::admin) fn clear(&self) -> HeaderValue {
        self.header("", 0)
    }

    fn header(&self, value: &str, age: u64) -> HeaderValue {
        let text = format!("{}={value}; Max-Age={age}{}", self.name, self.attributes);
        HeaderValue::try_from(text).expect("names of pipelines and people, digits and hex go into a header")
    }

    /// The sessions that a browser sent, as it sent them.
    pub(super) fn sessions<'h>(&'h self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h str> {
        let texts = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(move |(name, _)| *name == self.name).map(|(_, value)| value).take(LOOKED_AT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_kept_from_scripts_other_sites_and_behind_tls_from_the_wire() {
        let cookie = Cookie::new("fraud", false);
        let wanted = "weir-session-fraud=ana.1.00; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict";
        assert_eq!(cookie.set("ana.1.00"), wanted);
        let cookie = Cookie::new("fraud", true);
        assert_eq!(cookie.set("ana.1.00"), wanted.replacen("weir", "__Host-weir", 1) + "; Secure");
        assert!(cookie.clear().to_str().expect("text").starts_with("__Host-weir-session-fraud=; Max-Age=0; Path=/"));
    }

    #[test]
    fn a_session_is_found_among_other_cookies_and_not_under_another_pipeline_s_name() {
        let cookie = Cookie::new("fraud", false);
        let mut headers = HeaderMap::new();
        headers.append(
            "cookie",
            HeaderValue::from_static("theme=dark; weir-session-other=bo; weir-session-fraud=ana.1=x"),
        );
        headers.append("cookie", HeaderValue::from_static("weir-session-fraud=second"));
        assert_eq!(cookie.sessions(&headers).collect::<Vec<_>>(), ["ana.1=x", "second"]);
        for _ in 0..9 {
            headers.append("cookie", HeaderValue::from_static("weir-session-fraud=more"));
        }
        assert_eq!(cookie.sessions(&headers).count(), LOOKED_AT);
    }
}
