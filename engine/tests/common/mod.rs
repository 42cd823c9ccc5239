//! What several tests start.
#![allow(dead_code)]

pub mod mariadb;
