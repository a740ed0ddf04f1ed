//! What stands around the files of a ZIP archive. Bytes only: no files, no streams.

use anser_types::Timestamp;

/// What a field of 32 bits holds where the number stands elsewhere.
const ELSEWHERE: u32 = u32::MAX;
/// What a field of 16 bits holds where the number stands elsewhere.
const ELSEWHERE_16: u16 = u16::MAX;
/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
/// Stored as it is.
const STORED: u16 = 0;
/// The least version that reads this: with and without ZIP64.
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;
const ZIP64: u16 = 1;
const DAY_MS: i64 = 86_400_000;

/// One file in an archive.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) crc32: u32,
    pub(super) modified_at: Timestamp,
}

/// An archive whose files are known, and not their bytes.
pub(super) struct Archive {
    members: Vec<Member>,
    /// Where each begins, and after them the tail.
    places: Vec<u64>,
}

impl Archive {
    pub(super) fn new(members: Vec<Member>) -> Self {
        let mut places = vec![0];
        for member in &members {
            let place = places.last().copied().unwrap_or_default();
            places.push(place + head(member).len() as u64 + member.size);
        }
        Self { members, places }
    }

    /// How long all of it is.
    pub(super) fn length(&self) -> u64 {
        self.end() + self.tail().len() as u64
    }

    /// What stands before each file.
    pub(super) fn heads(&self) -> impl Iterator<Item = Vec<u8>> {
        self.members.iter().map(head)
    }

    /// What stands after the last one: the directory, and where it is.
    pub(super) fn tail(&self) -> Vec<u8> {
        let mut tail = Vec::new();
        for (member, &place) in self.members.iter().zip(&self.places) {
            directory_entry(&mut tail, member, place);
        }
        let (count, size, start) = (self.members.len() as u64, tail.len() as u64, self.end());
        let large = start >= u64::from(ELSEWHERE) || size >= u64::from(ELSEWHERE) || count >= u64::from(ELSEWHERE_16);
        if large {
            tail.extend(0x0606_4b50u32.to_le_bytes());
            tail.extend(44u64.to_le_bytes());
            tail.extend(VERSION_64.to_le_bytes());
            tail.extend(VERSION_64.to_le_bytes());
            tail.extend([0; 8]);
            for number in [count, count, size, start] {
                tail.extend(number.to_le_bytes());
            }
            tail.extend(0x0706_4b50u32.to_le_bytes());
            tail.extend(0u32.to_le_bytes());
            tail.extend((start + size).to_le_bytes());
            tail.extend(1u32.to_le_bytes());
        }
        tail.extend(0x0605_4b50u32.to_le_bytes());
        tail.extend([0; 4]);
        let count = u16::try_from(count).unwrap_or(ELSEWHERE_16);
        tail.extend(count.to_le_bytes());
        tail.extend(count.to_le_bytes());
        tail.extend(narrow(size).to_le_bytes());
        tail.extend(narrow(start).to_le_bytes());
        tail.extend([0; 2]);
        tail
    }

    fn end(&self) -> u64 {
        self.places.last().copied().unwrap_or_default()
    }
}

fn head(member: &Member) -> Vec<u8> {
    let large = member.size >= u64::from(ELSEWHERE);
    let mut extra = Vec::new();
    if large {
        extra.extend(ZIP64.to_le_bytes());
        extra.extend(16u16.to_le_bytes());
        extra.extend(member.size.to_le_bytes());
        extra.extend(member.size.to_le_bytes());
    }
    let mut head = 0x0403_4b50u32.to_le_bytes().to_vec();
    describe(&mut head, member, large);
    head.extend((member.name.len() as u16).to_le_bytes());
    head.extend((extra.len() as u16).to_le_bytes());
    head.extend(member.name.as_bytes());
    head.extend(extra);
    head
}

fn directory_entry(out: &mut Vec<u8>, member: &Member, place: u64) {
    let large = member.size >= u64::from(ELSEWHERE);
    let far = place >= u64::from(ELSEWHERE);
    let mut numbers = Vec::new();
    if large {
        numbers.extend(member.size.to_le_bytes());
        numbers.extend(member.size.to_le_bytes());
    }
    if far {
        numbers.extend(place.to_le_bytes());
    }
    let mut extra = Vec::new();
    if !numbers.is_empty() {
        extra.extend(ZIP64.to_le_bytes());
        extra.extend((numbers.len() as u16).to_le_bytes());
        extra.extend(numbers);
    }
    out.extend(0x0201_4b50u32.to_le_bytes());
    // Made by a Unix, whose files have the rights 0644.
    out.extend((3u16 << 8 | VERSION_64).to_le_bytes());
    describe(out, member, large || far);
    out.extend((member.name.len() as u16).to_le_bytes());
    out.extend((extra.len() as u16).to_le_bytes());
    out.extend([0; 6]);
    out.extend((0o100_644u32 << 16).to_le_bytes());
    out.extend(narrow(place).to_le_bytes());
    out.extend(member.name.as_bytes());
    out.extend(extra);
}

/// What both descriptions of a file begin with.
fn describe(out: &mut Vec<u8>, member: &Member, zip64: bool) {
    let (date, time) = dos(member.modified_at);
    for field in [if zip64 { VERSION_64 } else { VERSION }, UTF8, STORED, time, date] {
        out.extend(field.to_le_bytes());
    }
    out.extend(member.crc32.to_le_bytes());
    out.extend(narrow(member.size).to_le_bytes());
    out.extend(narrow(member.size).to_le_bytes());
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(ELSEWHERE)
}

/// Date and time in the archive's form (UTC), which knows the years 1980 to 2107.
fn dos(at: Timestamp) -> (u16, u16) {
    let (days, within) = (at.div_euclid(DAY_MS), at.rem_euclid(DAY_MS) / 1_000);
    // Days to a date of the Gregorian calendar, in years that begin with March.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    if !(1980..=2107).contains(&year) {
        return (1 << 5 | 1, 0);
    }
    let date = (year - 1980) << 9 | month << 5 | day;
    let (hours, minutes, seconds) = (within / 3_600, within / 60 % 60, within % 60);
    let time = hours << 11 | minutes << 5 | seconds >> 1;
    (date as u16, time as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, size: u64) -> Member {
        Member { name: name.into(), size, crc32: 7, modified_at: 1_700_000_000_000 }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        // 14 November 2023, 22:13:20.
        assert_eq!(dos(1_700_000_000_000), (43 << 9 | 11 << 5 | 14, 22 << 11 | 13 << 5 | 10));
        // 29 February 2000.
        assert_eq!(dos(951_782_400_000).0, 20 << 9 | 2 << 5 | 29);
        assert_eq!(dos(0), (33, 0));
    }

    #[test]
    fn an_archive_is_as_long_as_it_says() {
        for sizes in [vec![], vec![0], vec![5, 6], vec![u64::from(u32::MAX), 1, u64::from(u32::MAX) + 1]] {
            let archive = Archive::new(sizes.iter().map(|&size| member("a", size)).collect());
            let heads: usize = archive.heads().map(|head| head.len()).sum();
            let written = heads as u64 + sizes.iter().sum::<u64>() + archive.tail().len() as u64;
            assert_eq!(archive.length(), written);
        }
    }

    #[test]
    fn what_is_large_stands_in_the_wide_fields() {
        let large = u64::from(u32::MAX) + 10;
        let archive = Archive::new(vec![member("a", large), member("b", 1)]);
        let head = archive.heads().next().unwrap();
        assert_eq!(head[18..22], ELSEWHERE.to_le_bytes());
        assert_eq!(head[30 + 1 + 4..30 + 1 + 12], large.to_le_bytes());
        let tail = archive.tail();
        let place = (large + head.len() as u64).to_le_bytes();
        assert!(tail.windows(8).any(|window| window == place), "where the second begins");
        assert!(tail.windows(4).any(|window| window == 0x0606_4b50u32.to_le_bytes()));
    }
}
