//! Logs and metrics of the process: what installs them, and the one list of metric names. It knows no stage; stages
//! count through the `metrics` macros and log through `tracing`.

mod list;
mod logs;
mod lossy;
mod recorder;

pub use list::{METRICS, Type};
pub use logs::init_logs;
pub use lossy::say;
pub use recorder::{Metrics, metrics};
