//! Spans of time as pages show them: one unit that fits, two where one says too little.

/// `340 ms`, `1.2 s`, `84 s`, `12 min`, `3 h 20 min`, `2 d 3 h`, of milliseconds; of less than none, none.
pub(super) fn span(ms: i64) -> String {
    let ms = ms.max(0);
    let (seconds, minutes, hours) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{seconds}.{} s", ms % 1_000 / 100),
        10_000..120_000 => format!("{seconds} s"),
        120_000..7_200_000 => format!("{minutes} min"),
        7_200_000..172_800_000 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// `0.3 ms`, `14.2 ms`, `1,204 ms`, of microseconds.
pub(super) fn millis(us: u64) -> String {
    match us {
        0..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{} ms", super::number::count(us / 1_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_the_unit_that_fits() {
        let spans = [-5, 0, 340, 1_250, 9_999, 84_900, 725_000, 7_200_000, 12_000_000, 183_600_000].map(span);
        let wanted =
            ["0 ms", "0 ms", "340 ms", "1.2 s", "9.9 s", "84 s", "12 min", "2 h 0 min", "3 h 20 min", "2 d 3 h"];
        assert_eq!(spans, wanted);
        assert_eq!([0, 340, 14_290, 1_204_000].map(millis), ["0.0 ms", "0.3 ms", "14.2 ms", "1,204 ms"]);
    }
}
