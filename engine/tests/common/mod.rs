//! What several tests start.
#![allow(dead_code)]

pub(crate) mod certificates;
pub(crate) mod mariadb;
pub(crate) mod mysql8;
pub(crate) mod port;
pub(crate) mod reason;
