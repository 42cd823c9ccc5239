//! Sends requests to the router without a socket.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response};
use serde_json::Value;
use tower::ServiceExt;

use super::PUBLISHER;

/// The answer to a request, read to its end.
pub struct Answer {
    /// HTTP's status.
    pub status: u16,
    /// HTTP's headers.
    pub headers: HeaderMap,
    /// The body, which is text.
    pub text: String,
}

impl Answer {
    /// The body as JSON; panics where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

/// A request with the publisher's token, unless told otherwise.
pub struct Call<'a> {
    /// HTTP's method.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Content-Type; none: not sent.
    pub media_type: Option<&'a str>,
    /// Bearer token; none: not sent.
    pub token: Option<&'a str>,
    /// Further headers.
    pub headers: Vec<(&'a str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A request without a body.
pub fn call<'a>(method: &'a str, path: &'a str) -> Call<'a> {
    Call { method, path, media_type: None, token: Some(PUBLISHER), headers: Vec::new(), body: Vec::new() }
}

impl<'a> Call<'a> {
    /// Gives it a body.
    pub fn body(mut self, media_type: &'a str, body: impl Into<Vec<u8>>) -> Self {
        (self.media_type, self.body) = (Some(media_type), body.into());
        self
    }

    /// Gives it another token, or none.
    pub fn token(mut self, token: Option<&'a str>) -> Self {
        self.token = token;
        self
    }

    /// Gives it one more header.
    pub fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// As the router takes it.
    pub fn request(self) -> Request<Body> {
        let mut request = Request::builder().method(Method::from_bytes(self.method.as_bytes()).unwrap()).uri(self.path);
        if let Some(media_type) = self.media_type {
            request = request.header("content-type", media_type);
        }
        if let Some(token) = self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(Body::from(self.body)).unwrap()
    }
}

/// Reads an answer to its end.
pub async fn read(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: parts.status.as_u16(), headers: parts.headers, text: String::from_utf8(bytes.into()).unwrap() }
}

/// Sends a request and reads the answer.
pub async fn send(api: &Router, call: Call<'_>) -> Answer {
    read(api.clone().oneshot(call.request()).await.unwrap()).await
}
