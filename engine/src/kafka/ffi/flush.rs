//! librdkafka's flush, which rdkafka's never waits in: it asks with no time-out, and what is asked for ends with the call,
//! as a rule before the thread that sends has woken up.
#![allow(unsafe_code)]

use std::time::Duration;

use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka_sys as rd;

/// For so long at most messages are sent as they come, whatever `linger.ms` says. True: all have arrived, or were given up.
pub(crate) fn flush<C: ProducerContext>(producer: &BaseProducer<C>, within: Duration) -> bool {
    let within = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client pointer is valid while `producer` lives; librdkafka's calls may come from any thread.
    let ended = unsafe { rd::rd_kafka_flush(producer.client().native_ptr(), within) };
    ended == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
}
