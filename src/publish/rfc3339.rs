//! Times as people and browsers read and write them. Used by `board`, `record` and `web`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `time` in UTC with milliseconds, as `2026-11-24T11:05:31.250Z` (RFC 3339). A time before 1970 is shown as 1970.
pub fn format(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

/// A time as RFC 3339 writes it, with any fraction and offset; None for what is none, or lies before 1970.
pub fn parse(text: &str) -> Option<SystemTime> {
    let digits = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok())?
    };
    let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
    let (hour, minute, second) = (digits(11..13)?, digits(14..16)?, digits(17..19)?);
    let marks = [(4, "-"), (7, "-"), (13, ":"), (16, ":")];
    let separated = matches!(text.get(10..11)?, "T" | "t" | " ");
    if !separated || !marks.iter().all(|(at, mark)| text.get(*at..at + 1) == Some(mark)) {
        return None;
    }
    let lengths =
        [31, if civil(days(year, 2, 29)?) == (year, 2, 29) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    // A leap second counts as the next.
    if day == 0 || day > length || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (nanos, offset) = match text.get(19..)?.strip_prefix('.') {
        None => (0, text.get(19..)?),
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            let fraction = rest.get(..end).filter(|fraction| !fraction.is_empty())?;
            (format!("{fraction:0<9.9}").parse().ok()?, rest.get(end..)?)
        }
    };
    let east = match offset.as_bytes() {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()) => {
            let number = |tens: &u8, ones: &u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
            let secs = number(h1, h2) * 3600 + number(m1, m2) * 60;
            if *sign == b'+' { secs } else { -secs }
        }
        _ => return None,
    };
    let secs = days(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second;
    UNIX_EPOCH.checked_add(Duration::new(secs.checked_add_signed(-east)?, nanos))
}

/// Year, month and day to days since 1970-01-01: the inverse of [`civil`], from the same source. None before 1970.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year.checked_sub(u64::from(month <= 2))?;
    let march_month = (month + 9) % 12;
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * march_month + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

/// Days since 1970-01-01 to year, month and day: `civil_from_days` of H. Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms". Its eras are the 400 years after which the Gregorian calendar repeats, its years begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times_are_written_as_date_writes_them() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_001, "2024-02-29T23:59:59.001Z"),
            (1_795_518_331_250, "2026-11-24T11:05:31.250Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(format(UNIX_EPOCH + Duration::from_millis(millis)), text);
        }
        assert_eq!(format(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn what_is_no_time_is_refused_and_offsets_count() {
        let good = parse("2026-11-24T11:05:31.25Z").unwrap();
        for same in ["2026-11-24T12:05:31.250+01:00", "2026-11-24t05:35:31.25-05:30", "2026-11-24 11:05:31.2500000001z"]
        {
            assert_eq!(parse(same), Some(good), "{same}");
        }
        assert!(parse("2024-02-29T00:00:00Z").is_some());
        for wrong in [
            "",
            "2026-11-24",
            "2026-11-24T11:05:31",
            "2026-13-24T11:05:31Z",
            "2026-02-29T11:05:31Z",
            "2026-11-00T11:05:31Z",
            "2026-11-24T24:05:31Z",
            "2026-11-24T11:05:31.Z",
            "2026-11-24T11:05:31+1:00",
            "2026-11-24T11:05:31Zx",
            "1969-12-31T23:59:59Z",
            "+026-11-24T11:05:31Z",
            "2026-11-24T11:05:3\u{1f600}",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_reads_back(millis in 0u64..253_402_300_800_000) {
            let time = UNIX_EPOCH + Duration::from_millis(millis);
            prop_assert_eq!(parse(&format(time)), Some(time));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
