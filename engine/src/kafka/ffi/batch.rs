//! librdkafka's batch call, which rdkafka does not wrap: records of all partitions of a worker come from one queue, a few
//! thousand in a call, and are read where librdkafka keeps them.
//!
//! The queue must not be the consumer's own: there the batch call answers rebalances itself, with an empty assignment
//! (docs/protocol.md#the-batch-call).
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::NonNull;
use std::slice;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka_sys as rd;

use crate::model::ids::{Offset, Partition};

/// Our queue. Must be dropped before the consumer that it was made from.
pub(crate) struct Queue(NonNull<rd::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues are thread-safe; the handle is a reference-counted pointer.
unsafe impl Send for Queue {}

impl Queue {
    pub(crate) fn new<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Self {
        // SAFETY: the client pointer is valid while `consumer` lives; the queue holds its own reference.
        let queue = unsafe { rd::rd_kafka_queue_new(consumer.client().native_ptr()) };
        Self(NonNull::new(queue).expect("rd_kafka_queue_new aborts rather than return null"))
    }

    /// From now on the partition's records come out of this queue. False: librdkafka has no queue of that partition, and
    /// its records would come out of the consumer's own.
    #[must_use]
    pub(crate) fn forward<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        topic: &str,
        partition: Partition,
    ) -> bool {
        let topic = CString::new(topic).expect("Kafka's topic names hold no NUL");
        // SAFETY: both pointers are valid; get_partition returns a reference that we give back after forwarding.
        unsafe {
            let native = consumer.client().native_ptr();
            let queue = rd::rd_kafka_queue_get_partition(native, topic.as_ptr(), partition.0);
            if queue.is_null() {
                return false;
            }
            rd::rd_kafka_queue_forward(queue, self.0.as_ptr());
            rd::rd_kafka_queue_destroy(queue);
        }
        true
    }

    pub(crate) fn fetch(&self, max: usize, wait: Duration) -> Fetched {
        let mut messages: Vec<*mut rd::rd_kafka_message_t> = Vec::with_capacity(max);
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the array has room for `max` pointers; the first `count` are set and ours to destroy.
        unsafe {
            let count = rd::rd_kafka_consume_batch_queue(self.0.as_ptr(), wait, messages.as_mut_ptr(), max);
            messages.set_len(usize::try_from(count).unwrap_or(0));
        }
        Fetched::of(messages)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: ours, and not used after.
        unsafe { rd::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// What one call brought. The records live as long as it does.
pub struct Fetched {
    records: Vec<*mut rd::rd_kafka_message_t>,
    /// Ends and errors: few, so nobody who asks for them goes over the records.
    others: Vec<*mut rd::rd_kafka_message_t>,
}

// SAFETY: librdkafka's messages belong to no thread; they are destroyed once, by whoever has this last.
unsafe impl Send for Fetched {}

/// One record, where librdkafka keeps it.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Its partition.
    pub partition: Partition,
    /// Its offset.
    pub offset: Offset,
    /// Key of the message; None: it has none.
    pub key: Option<&'a [u8]>,
    /// Value of the message; None: a tombstone.
    pub value: Option<&'a [u8]>,
    raw: &'a rd::rd_kafka_message_t,
}

impl Fetched {
    /// Takes over the messages whose pointers the batch call set.
    fn of(all: Vec<*mut rd::rd_kafka_message_t>) -> Self {
        let (mut records, mut others) = (Vec::with_capacity(all.len()), Vec::new());
        for (at, message) in raw(&all).enumerate() {
            if let Some(soon) = all.get(at + AHEAD) {
                prefetch(soon.cast_const().cast(), size_of::<rd::rd_kafka_message_t>());
            }
            match message.err {
                rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => records.push(all[at]),
                _ => others.push(all[at]),
            }
        }
        Self { records, others }
    }

    /// How many elements, errors included.
    pub fn len(&self) -> usize {
        self.records.len() + self.others.len()
    }

    /// Whether the fetch brought nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records, in the order of each partition.
    pub fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        raw(&self.records).map(message)
    }

    /// Where each record is, and its index for [`Messages`].
    pub fn places(&self) -> impl Iterator<Item = (usize, Partition, Offset)> + '_ {
        raw(&self.records).enumerate().map(|(index, raw)| (index, Partition(raw.partition), Offset(raw.offset)))
    }

    /// Partitions that were read to their end, and where that is: past aborted records, control records and whatever else
    /// no consumer sees.
    pub fn ends(&self) -> impl Iterator<Item = (Partition, Offset)> + '_ {
        let ends = raw(&self.others).filter(|raw| raw.err == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF);
        ends.map(|raw| (Partition(raw.partition), Offset(raw.offset)))
    }

    /// Partitions whose next record is not in their logs any more: they stand still until they are claimed anew. Not those
    /// whose log lost its end to another one (an unclean election): claimed anew they might be read on from within that.
    pub fn outside(&self) -> impl Iterator<Item = Partition> + '_ {
        let outside =
            raw(&self.others).filter(|raw| raw.err == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET);
        outside.filter(|raw| !text(raw).contains("truncation")).map(|raw| Partition(raw.partition))
    }

    /// Partitions that cannot be read on, and what librdkafka says of them.
    pub fn errors(&self) -> Vec<(Partition, Offset, String)> {
        let failed =
            raw(&self.others).filter(|raw| raw.err != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF);
        failed.map(|raw| (Partition(raw.partition), Offset(raw.offset), text(raw))).collect()
    }
}

/// Some records of a fetch, in an order that the caller chose by what [`Fetched::places`] gave.
#[derive(Clone, Copy)]
pub struct Messages<'a> {
    /// The fetch that brought them.
    pub fetched: &'a Fetched,
    /// Partition and index of each.
    pub order: &'a [(Partition, usize)],
}

impl<'a> Messages<'a> {
    /// Number of messages.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The one at this place.
    pub fn get(&self, at: usize) -> Message<'a> {
        // SAFETY: as in `raw`.
        message(unsafe { &*self.fetched.records[self.order[at].1] })
    }

    /// All of them. Another core wrote them, so each would be waited for: they are asked of the memory some way ahead.
    pub fn iter(&self) -> impl Iterator<Item = Message<'a>> + use<'a> {
        let messages = *self;
        (0..messages.len()).map(move |at| {
            if let Some(&(_, soon)) = messages.order.get(at + AHEAD) {
                // SAFETY: as in `raw`.
                let raw = unsafe { &*messages.fetched.records[soon] };
                prefetch(raw.payload.cast(), raw.len.min(MOST_AHEAD));
            }
            messages.get(at)
        })
    }
}

/// Records that are asked of the memory while one is decoded.
const AHEAD: usize = 6;
/// Bytes of each of them.
const MOST_AHEAD: usize = 512;
/// Bytes of a cache line.
const LINE: usize = 64;

/// Asks for the memory at an address; where it points is of no matter.
fn prefetch(start: *const u8, length: usize) {
    #[cfg(target_arch = "x86_64")]
    for at in (0..length).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(at).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (start, length, LINE);
}

/// What librdkafka says of an element that is no record.
fn text(raw: &rd::rd_kafka_message_t) -> String {
    // SAFETY: the message is valid; the text is static or belongs to it.
    let text = unsafe { CStr::from_ptr(rd::rd_kafka_message_errstr(raw)) };
    text.to_string_lossy().into_owned()
}

impl Drop for Fetched {
    fn drop(&mut self) {
        for message in self.records.iter().chain(&self.others) {
            // SAFETY: ours, and nothing borrowed from it outlives `self`.
            unsafe { rd::rd_kafka_message_destroy(*message) }
        }
    }
}

impl<'a> Message<'a> {
    /// Epoch milliseconds; -1: it has none.
    pub fn timestamp(&self) -> i64 {
        let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid.
        unsafe { rd::rd_kafka_message_timestamp(self.raw, &mut kind) }
    }

    /// Name and value of each header, in order. Names that are not UTF-8 are left out: Kafka says they are.
    pub fn headers(&self) -> Vec<(&'a str, Option<&'a [u8]>)> {
        let mut found = Vec::new();
        let mut headers = std::ptr::null_mut();
        // SAFETY: the message is valid; the headers and what they point to belong to it and live as long.
        unsafe {
            if rd::rd_kafka_message_headers(self.raw, &mut headers)
                != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                return found;
            }
            let (mut name, mut value, mut size): (*const c_char, *const c_void, usize) =
                (std::ptr::null(), std::ptr::null(), 0);
            let mut index = 0;
            while rd::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut size)
                == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                index += 1;
                let value = (!value.is_null()).then(|| slice::from_raw_parts(value.cast::<u8>(), size));
                if let Ok(name) = CStr::from_ptr(name).to_str() {
                    found.push((name, value));
                }
            }
        }
        found
    }
}

fn raw(messages: &[*mut rd::rd_kafka_message_t]) -> impl Iterator<Item = &rd::rd_kafka_message_t> {
    // SAFETY: each pointer was set by the batch call and is destroyed only when its `Fetched` is dropped.
    messages.iter().map(|message| unsafe { &**message })
}

fn message(raw: &rd::rd_kafka_message_t) -> Message<'_> {
    Message {
        partition: Partition(raw.partition),
        offset: Offset(raw.offset),
        key: bytes(raw, raw.key, raw.key_len),
        value: bytes(raw, raw.payload, raw.len),
        raw,
    }
}

fn bytes(_owner: &rd::rd_kafka_message_t, start: *const c_void, length: usize) -> Option<&[u8]> {
    // SAFETY: librdkafka gives pointer and length of memory that lives as long as the message.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast::<u8>(), length) })
}
