//! Alerts of the outbox. Any bytes are alerts or [`Damaged`]; what they are as alerts encodes to these very bytes; and any alert
//! comes back as it was.

use weir::model::alert::{Alert, AlertField, AlertHit, AlertMessage, NotSent};
use weir::model::ids::{Offset, Revision, Sha256};
use weir::model::letter::Cut;
use weir::outbox::format::{Alerts, Damaged, ReadingAlerts, Stored, read_any};

use super::input::Input;

/// Bytes of a chunk's checksum.
const CHECKSUM: usize = 8;

/// The bytes as a chunk, then as the recipe of alerts.
pub(super) fn alerts(data: &[u8]) {
    match read_any(data) {
        Ok(Stored::Alerts(alerts)) => encodes_to(alerts, data),
        Ok(Stored::Letters(_)) => {}
        Err(Damaged { at, what }) => assert!(at <= data.len() && !what.is_empty(), "{what} at {at} of {}", data.len()),
    }
    there_and_back(&mut Input::new(data));
}

fn encodes_to(alerts: ReadingAlerts<'_>, chunk: &[u8]) {
    let topic = alerts.topic();
    let Ok(read) = alerts.collect::<Result<Vec<_>, _>>() else { return };
    // Whole lengths of what was cut are not made from what is left.
    let is_whole = |message: &AlertMessage<'_>| match message {
        AlertMessage::Alert(alert) => alert.cut == Cut::default(),
        AlertMessage::NotSent(_) => true,
    };
    if read.iter().all(is_whole) {
        let again = encoded(topic, &read).into_bytes();
        let body = |chunk: &[u8]| chunk[..chunk.len() - CHECKSUM].to_vec();
        assert!(body(&again) == body(chunk), "two chunks are the same alerts: {read:?}");
    }
}

fn encoded(topic: &str, messages: &[AlertMessage<'_>]) -> Alerts {
    let mut alerts = Alerts::to(topic);
    for message in messages {
        match message {
            AlertMessage::Alert(alert) => alerts.push(alert),
            AlertMessage::NotSent(not_sent) => alerts.push_not_sent(not_sent),
        }
    }
    alerts
}

fn there_and_back(input: &mut Input<'_>) {
    let (mut wanted, topic, end) = (Vec::new(), input.text(), usize::from(input.byte()));
    while !input.is_empty() && wanted.len() < 8 {
        wanted.push(message(input));
    }
    let alerts = encoded(topic, &wanted);
    assert_eq!(alerts.is_empty(), wanted.is_empty());
    assert_eq!(alerts.first_offset(), wanted.first().map(AlertMessage::offset));
    let whole = alerts.into_bytes();
    let Ok(Stored::Alerts(read)) = read_any(&whole) else { panic!("they are alerts") };
    assert_eq!(read.topic(), topic);
    assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), wanted);
    // A chunk that was cut short is damaged, or ends between two alerts.
    if let Ok(Stored::Alerts(read)) = read_any(&whole[..end.min(whole.len() - 1)])
        && let Ok(some) = read.collect::<Result<Vec<_>, _>>()
    {
        assert!(some.len() <= wanted.len() && some == wanted[..some.len()], "{some:?}");
    }
}

fn message<'a>(input: &mut Input<'a>) -> AlertMessage<'a> {
    let shape = input.byte();
    let offset = Offset(input.number() as i64);
    if shape & 1 == 0 {
        let codes = (0..shape >> 1 & 3).map(|_| (input.text(), input.number())).collect();
        return AlertMessage::NotSent(NotSent {
            from: offset,
            to: Offset(input.number() as i64),
            records: input.number(),
            codes,
        });
    }
    let hits = (0..shape >> 1 & 3).map(|_| AlertHit {
        rule: input.text(),
        version: input.text(),
        sha256: Sha256::of(input.bytes()),
        code: input.text(),
        detail: input.text(),
    });
    let hits = hits.collect();
    let fields = (0..shape >> 3 & 3).map(|_| {
        let (name, json, cut) = (input.text(), input.text(), input.byte());
        AlertField { name, json, cut: (cut > 0).then_some(usize::from(cut)) }
    });
    AlertMessage::Alert(Alert {
        offset,
        fields: fields.collect(),
        hits,
        timestamp: input.number() as i64,
        key: input.maybe_bytes(),
        value: input.maybe_bytes(),
        cut: Cut::default(),
        revision: Revision(input.number()),
        more: u32::from(input.byte()),
    })
}
