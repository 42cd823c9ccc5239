//! Requests that a web page of somebody else's makes in a browser which can reach the API. The browser tells where a page
//! is from (`Origin`, `Sec-Fetch-Site`), and under which name it called (`Host`); programs tell neither of the first two.
//! It knows no token and no path.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, Method, header};

use super::problem::{Problem, ProblemKind};
use crate::config::Admin;

/// Where the page is from that makes a browser's request, as seen from the server that is asked.
pub(super) const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names of this service.
#[derive(Clone, Debug, Default)]
pub(super) struct Site {
    /// `admin.public_url`, without a port that goes without saying.
    public: Option<String>,
    /// `admin.hosts`.
    hosts: Vec<String>,
}

impl Site {
    pub(super) fn new(admin: &Admin) -> Self {
        let public = admin.public_url.as_deref().map(|url| without_default(scheme(url), url).to_owned());
        Self { public, hosts: admin.hosts.clone() }
    }

    /// Whether browsers reach it over TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.public.as_deref().is_some_and(|url| scheme(url) == "https")
    }

    /// Where names are listed, callers use one of them, or an address, which nobody can bind to another one.
    pub(super) fn known_host(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(host) = headers.get(header::HOST) else { return Ok(()) };
        let host = host.to_str().map(host_of).unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        let public = self.public.as_deref().and_then(|url| url.split_once("://")).map(|(_, rest)| host_of(rest));
        let is_known = host == "localhost"
            || host.parse::<IpAddr>().is_ok()
            || public == Some(host.as_str())
            || self.hosts.contains(&host);
        if self.hosts.is_empty() || is_known {
            return Ok(());
        }
        Err(ProblemKind::Forbidden.problem(
            "this service is not called by the name in `Host`",
            "call it by a name of admin.hosts, by its address or as localhost; or add the name to admin.hosts",
        ))
    }

    /// A request that is no mere read comes from a page of the API itself, or from no page. This holds whatever token it
    /// carries: a browser may have one.
    pub(super) fn own_page(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        if reads(method) {
            return Ok(());
        }
        if let Some(site) = headers.get(SITE)
            && ![&b"same-origin"[..], b"none"].contains(&site.as_bytes())
        {
            return Err(foreign("`Sec-Fetch-Site` says that a page of another site sent it"));
        }
        match headers.get(header::ORIGIN) {
            None => Ok(()),
            Some(origin) if self.is_own(origin.to_str().unwrap_or_default(), headers) => Ok(()),
            Some(_) => Err(foreign("`Origin` is another host or port than the `Host` that was asked")),
        }
    }

    /// The public address counts whatever `Host` a proxy makes of it: no page of another site has that origin.
    fn is_own(&self, origin: &str, headers: &HeaderMap) -> bool {
        let scheme = scheme(origin);
        let origin = without_default(scheme, origin);
        if self.public.as_deref().is_some_and(|public| public.eq_ignore_ascii_case(origin)) {
            return true;
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let from = origin.split_once("://").map(|(_, from)| from);
        from.zip(host.filter(|host| !self.is_public(host)))
            .is_some_and(|(from, host)| from.eq_ignore_ascii_case(without_default(scheme, host)))
    }

    /// Whether this `Host` is the public address behind TLS. A page of the same name without TLS is anybody's who sits on the way to
    /// the browser, so there the scheme of the origin counts, too.
    fn is_public(&self, host: &str) -> bool {
        let public = self.public.as_deref().and_then(|url| url.strip_prefix("https://"));
        public.is_some_and(|public| public.eq_ignore_ascii_case(without_default("https", host)))
    }
}

/// A browser tells the page of every request that is no mere read. One that comes with a cookie and tells none may be any
/// page's doing.
pub(super) fn tells_its_page(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if reads(method) || headers.contains_key(SITE) || headers.contains_key(header::ORIGIN) {
        return Ok(());
    }
    Err(foreign("it has a session's cookie and neither `Origin` nor `Sec-Fetch-Site`"))
}

/// Whether a page of another site led here: a link in a mail or a chat, as opposed to a page of this service or an address
/// that somebody typed.
pub(super) fn led_here(headers: &HeaderMap) -> bool {
    headers.get(SITE).is_some_and(|site| [&b"cross-site"[..], b"same-site"].contains(&site.as_bytes()))
}

fn reads(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

fn foreign(why: &str) -> Problem {
    ProblemKind::Forbidden.problem(
        format!("a page of another origin may change nothing here: {why}"),
        "send it from a program, or from a page that is served under the API's own host and port; a proxy has to pass `Host` on, \
         or admin.public_url has to name its address",
    )
}

fn scheme(url: &str) -> &str {
    url.split_once("://").map_or("", |(scheme, _)| scheme)
}

/// Without a port that goes without saying: of Origin and Host one may have it and the other not.
fn without_default<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    authority.strip_suffix(port).unwrap_or(authority)
}

/// Without tokens the API listens on loopback only, but a web page open in a browser on the machine reaches it there,
/// under a name that was rebound (`Host`) or from another site (`Origin`). Neither is let in, not to read either.
pub(super) fn same_machine(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |what: &str| {
        ProblemKind::Forbidden.problem(
            format!("without tokens only callers on this machine are served, and `{what}` names another"),
            "call it as localhost or 127.0.0.1, or set tokens in [admin.tokens]",
        )
    };
    for (name, scheme) in [(header::HOST, ""), (header::ORIGIN, "://")] {
        let Some(value) = headers.get(&name) else {
            continue;
        };
        let value = value.to_str().unwrap_or("?");
        let authority = value.split_once(scheme).map_or(value, |(_, rest)| rest);
        if !is_loopback(authority) {
            return Err(refuse(name.as_str()));
        }
    }
    Ok(())
}

fn is_loopback(authority: &str) -> bool {
    let host = host_of(authority);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The name or address, without the port.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        of.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn where_names_are_listed_others_are_refused_and_addresses_are_not() {
        let listed = Site { public: Some("https://weir.example.com".into()), hosts: vec!["weir.internal".into()] };
        for (host, known) in [
            ("weir.internal", true),
            ("WEIR.internal.:8080", true),
            ("weir.example.com", true),
            ("localhost:8080", true),
            ("10.0.0.5:8080", true),
            ("[::1]:8080", true),
            ("evil.example", false),
            ("weir.internal.evil.example", false),
            ("evil.example:8080", false),
            ("", false),
        ] {
            assert_eq!(listed.known_host(&headers(&[("host", host)])).is_ok(), known, "{host}");
            assert!(Site::default().known_host(&headers(&[("host", host)])).is_ok(), "no name is listed: {host}");
        }
        assert!(listed.known_host(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn the_public_address_is_an_own_page_whatever_host_a_proxy_passes_on() {
        let site = Site { public: Some("https://weir.example.com".into()), hosts: Vec::new() };
        for (origin, own) in [
            ("https://weir.example.com", true),
            ("https://weir.example.com:443", true),
            ("http://weir.example.com", false),
            ("https://weir.example.com:8443", false),
            ("https://evil.example", false),
            ("null", false),
        ] {
            let headers = headers(&[("host", "127.0.0.1:8080"), ("origin", origin)]);
            assert_eq!(site.own_page(&Method::POST, &headers).is_ok(), own, "{origin}");
            assert!(site.own_page(&Method::GET, &headers).is_ok());
            // A proxy may pass `Host` on as well.
            for host in ["weir.example.com", "weir.example.com:443"] {
                let headers = [(header::HOST, host), (header::ORIGIN, origin)];
                let headers: HeaderMap =
                    headers.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect();
                assert_eq!(site.own_page(&Method::POST, &headers).is_ok(), own, "{origin} at {host}");
            }
        }
        assert!(site.is_secure() && !Site::default().is_secure());
    }

    #[test]
    fn a_request_with_a_cookie_tells_its_page_unless_it_only_reads() {
        let tells = |method: Method, of: &[(&'static str, &'static str)]| tells_its_page(&method, &headers(of)).is_ok();
        assert!(tells(Method::GET, &[]) && !tells(Method::POST, &[]) && !tells(Method::DELETE, &[("host", "a")]));
        assert!(tells(Method::POST, &[("origin", "http://a")]) && tells(Method::POST, &[("sec-fetch-site", "none")]));
    }
}
