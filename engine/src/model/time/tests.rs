use super::*;

fn format(unit: Option<Unit>, format: &str, zone: Option<&str>) -> TimeFormat {
    TimeFormat::new(unit, Some(format), zone).unwrap()
}

fn ms(rfc3339: &str) -> Result<i64, NotATime> {
    Ok(from_rfc3339(rfc3339).unwrap())
}

const PLAIN: &str = "%Y-%m-%d %H:%M:%S";

#[test]
fn numbers_count_what_the_unit_says_and_below_a_millisecond_they_are_cut() {
    let cases = [
        (Unit::S, "1700000000", "2023-11-14T22:13:20Z"),
        (Unit::S, "1700000000.25", "2023-11-14T22:13:20.250Z"),
        (Unit::S, "1700000000.123456789", "2023-11-14T22:13:20.123Z"),
        (Unit::S, "1.7e9", "2023-11-14T22:13:20Z"),
        (Unit::S, "-0.0001", "1969-12-31T23:59:59.999Z"),
        (Unit::Ms, "1700000000123", "2023-11-14T22:13:20.123Z"),
        (Unit::Us, "1700000000123999", "2023-11-14T22:13:20.123Z"),
        (Unit::Ns, "1700000000123999999", "2023-11-14T22:13:20.123Z"),
        (Unit::Ns, "-1", "1969-12-31T23:59:59.999Z"),
    ];
    for (unit, text, time) in cases {
        let format = TimeFormat::new(Some(unit), None, None).unwrap();
        assert_eq!(format.number(text), ms(time), "{text} {unit:?}");
    }
}

#[test]
fn a_number_that_is_no_time_says_why() {
    let seconds = TimeFormat::new(Some(Unit::S), None, None).unwrap();
    assert_eq!(seconds.number("1700000000000"), Err(NotATime::Calendar));
    assert_eq!(seconds.number("9223372036854775807"), Err(NotATime::Calendar));
    assert_eq!(seconds.number("1.0000000001"), Err(NotATime::Number(NotANumber::Fraction)));
    assert_eq!(TimeFormat::default().number("1.5"), Err(NotATime::Number(NotANumber::Fraction)));
    assert_eq!(
        format(None, "%Y%m%d", Some("UTC")).number("20260102"),
        Err(NotATime::Form),
        "a format alone takes texts"
    );
}

/// The two ways of a decoder to the same time.
#[test]
fn digits_on_the_fast_way_are_what_their_text_is() {
    for unit in Unit::ALL {
        let format = TimeFormat::new(Some(unit), None, None).unwrap();
        for unscaled in [0, 1, -1, 1_700_000_000, -1_700_000_001, 1_700_000_000_123, i64::MAX, i64::MIN + 1] {
            for fraction in 0..12_usize {
                let Some(fast) = format.scaled(unscaled, fraction) else { continue };
                let (sign, digits) = if unscaled < 0 { ("-", -unscaled) } else { ("", unscaled) };
                let digits = format!("{digits:0>width$}", width = fraction + 1);
                let (whole, rest) = digits.split_at(digits.len() - fraction);
                let point = if rest.is_empty() { "" } else { "." };
                let text = format!("{sign}{whole}{point}{rest}");
                assert_eq!(format.number(&text), Ok(fast), "{text} {unit:?}");
            }
        }
    }
}

#[test]
fn a_local_time_is_read_in_its_zone_and_summer_and_winter_are_told_apart() {
    let berlin = format(None, PLAIN, Some("Europe/Berlin"));
    assert_eq!(berlin.text("2026-01-02 03:04:05"), ms("2026-01-02T02:04:05Z"));
    assert_eq!(berlin.text("2026-07-02 03:04:05"), ms("2026-07-02T01:04:05Z"));
    assert_eq!(berlin.text("2026-10-25 02:30:00"), ms("2026-10-25T00:30:00Z"), "of a time that was twice the first");
    assert_eq!(berlin.text("2026-03-29 02:30:00"), Err(NotATime::Skipped));
    assert_eq!(berlin.text("2026-02-30 03:04:05"), Err(NotATime::Calendar));
    assert_eq!(berlin.text("2026-01-02T03:04:05Z"), Err(NotATime::Form), "RFC 3339 is another format");
    assert_eq!(berlin.text("2026-01-02 03:04:05 "), Err(NotATime::Form));
}

#[test]
fn formats_may_have_fractions_offsets_names_two_digits_or_no_time_at_all() {
    let cases = [
        ("%Y-%m-%d %H:%M:%S%.f", Some("UTC"), "2026-01-02 03:04:05.678", "2026-01-02T03:04:05.678Z"),
        ("%Y-%m-%d %H:%M:%S%.f", Some("UTC"), "2026-01-02 03:04:05", "2026-01-02T03:04:05Z"),
        ("%Y-%m-%d %H:%M", Some("UTC"), "2026-01-02 03:04", "2026-01-02T03:04:00Z"),
        ("%d.%m.%Y", Some("Europe/Berlin"), "02.01.2026", "2026-01-01T23:00:00Z"),
        ("%Y%m%d", Some("UTC"), "20260102", "2026-01-02T00:00:00Z"),
        ("%m/%d/%y %I:%M %p", Some("America/New_York"), "01/02/26 03:04 PM", "2026-01-02T20:04:00Z"),
        ("%d/%b/%Y:%H:%M:%S %z", None, "02/Jan/2026:03:04:05 +0100", "2026-01-02T02:04:05Z"),
        ("%Y-%m-%dT%H:%M:%S%#z", None, "2026-01-02T03:04:05+01", "2026-01-02T02:04:05Z"),
        ("%s", None, "1700000000", "2023-11-14T22:13:20Z"),
        ("%+", None, "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
    ];
    for (pattern, zone, text, time) in cases {
        assert_eq!(format(None, pattern, zone).text(text), ms(time), "{text} by {pattern}");
    }
}

#[test]
fn a_format_or_zone_that_can_t_stand_says_which_key_and_what_to_write() {
    let cases = [
        (Some("%Y-%m-%d %Q"), Some("UTC"), "format", "a % that means nothing"),
        (Some("%H:%M:%S"), Some("UTC"), "format", "does not say year, month and day"),
        (Some("%Y-%m"), Some("UTC"), "format", "does not say year, month and day"),
        (Some("%Y-%m-%d %H"), Some("UTC"), "format", "does not say hour and minute"),
        (Some("%Y-%m-%d%z"), None, "format", "does not say year, month, day, hour and minute"),
        (Some("%Y-%m-%d %H:%M:%S %Z"), Some("UTC"), "format", "%Z"),
        (Some(""), Some("UTC"), "format", "does not say"),
        (Some(PLAIN), None, "zone", "is missing"),
        (Some(PLAIN), Some("Europe/Brelin"), "zone", "did you mean \"Europe/Berlin\"?"),
        (Some(PLAIN), Some("europe/berlin"), "zone", "did you mean \"Europe/Berlin\"?"),
        (Some("%Y-%m-%d %H:%M:%S%z"), Some("UTC"), "zone", "should be left out"),
        (None, Some("UTC"), "zone", "is of no use without format"),
    ];
    for (pattern, zone, key, why) in cases {
        let refused = TimeFormat::new(None, pattern, zone).unwrap_err();
        assert!(refused.key == key && refused.why.contains(why), "{pattern:?} {zone:?}: {refused:?}");
    }
}

#[test]
fn where_there_are_only_texts_a_number_is_told_from_a_time() {
    let default = TimeFormat::default();
    assert_eq!(default.cell("1700000000000"), ms("2023-11-14T22:13:20Z"));
    assert_eq!(default.cell("2026-01-02T03:04:05Z"), ms("2026-01-02T03:04:05Z"));
    assert_eq!(default.cell("noon"), Err(NotATime::Form));
    assert_eq!(default.cell("1.5"), Err(NotATime::Number(NotANumber::Fraction)));
    let both = format(Some(Unit::S), "%Y%m%d", Some("UTC"));
    assert_eq!(both.cell("20260102"), ms("2026-01-02T00:00:00Z"), "the format comes first");
    assert_eq!(both.cell("1.5"), ms("1970-01-01T00:00:01.500Z"));
    assert_eq!(format(None, PLAIN, Some("UTC")).cell("5"), Err(NotATime::Form));
}

#[test]
fn what_was_meant_is_named() {
    let unit = |number, unit| likely_unit(number, unit, &LIKELY, "at");
    let seconds = "1700000000 as seconds is 2023-11-14T22:13:20.000Z: set unit = \"s\" of the field at";
    assert_eq!(unit(1_700_000_000, Unit::Ms).as_deref(), Some(seconds));
    assert!(unit(1_700_000_000_000_000, Unit::Ms).unwrap().ends_with("set unit = \"us\" of the field at"));
    assert!(unit(1_700_000_000_000, Unit::S).unwrap().ends_with("set unit = \"ms\" of the field at"));
    assert_eq!(unit(5, Unit::Ms), None);
    let cases = [
        ("2026-01-02 03:04:05", "no zone: set format = \"%Y-%m-%d %H:%M:%S\" and zone = "),
        ("2026-01-02T03:04:05.678", "no zone: set format = \"%Y-%m-%dT%H:%M:%S%.f\" and zone = "),
        ("02.01.2026 03:04:05", "no zone: set format = \"%d.%m.%Y %H:%M:%S\" and zone = "),
        ("2026-01-02", "no zone: set format = \"%Y-%m-%d\" and zone = "),
        ("2026-01-02T03:04:05+0100", "set format = \"%Y-%m-%dT%H:%M:%S%.f%z\" of"),
    ];
    for (text, hint) in cases {
        assert!(likely_format(text).is_some_and(|said| said.contains(hint)), "{text}: {:?}", likely_format(text));
    }
    assert_eq!(likely_format("noon"), None);
}
