//! Requests that a web page of somebody else's makes in a browser which can reach the API. The browser tells where a page
//! is from (`Origin`, `Sec-Fetch-Site`), and under which name it called (`Host`); programs tell neither of the first two.
//! It knows no token and no path.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, Method, header};

use super::problem::{Problem, ProblemKind};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A request that is no mere read comes from a page of the API itself, or from no page. This holds whatever token it carries:
/// a browser may have one.
pub(super) fn own_page(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if *method == Method::GET || *method == Method::HEAD {
        return Ok(());
    }
    if let Some(site) = headers.get(SITE)
        && ![&b"same-origin"[..], b"none"].contains(&site.as_bytes())
    {
        return Err(foreign("`Sec-Fetch-Site` says that a page of another site sent it"));
    }
    match headers.get(header::ORIGIN) {
        None => Ok(()),
        Some(origin) => {
            let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            let same = origin.zip(host).is_some_and(|((scheme, from), host)| {
                without_default(scheme, from).eq_ignore_ascii_case(without_default(scheme, host))
            });
            if same { Ok(()) } else { Err(foreign("`Origin` is another host or port than the `Host` that was asked")) }
        }
    }
}

fn foreign(why: &str) -> Problem {
    ProblemKind::Forbidden.problem(
        format!("a page of another origin may change nothing here: {why}"),
        "send it from a program, or from a page that is served under the API's own host and port; a proxy has to pass `Host` on",
    )
}

/// A port that goes without saying: of Origin and Host one may have it and the other not.
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
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
