//! Tests of the repository: its layout, its documents and the commands in them, its images and scripts. See README.md beside this
//! folder.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

/// What the SDK keeps of wit-bindgen.
mod bindings;
/// docker-compose.yml, Dockerfile and .dockerignore.
mod compose;
/// The Grafana dashboard and the Prometheus alert rules.
mod deploy;
/// What `make demo` and `make test` find missing, and what they say first.
mod first_run;
/// Which folder may import which, and that documents name what is there.
mod layout;
/// README.md's commands, run.
mod readme;
/// What `stack/up` rests on.
mod stack_up;
