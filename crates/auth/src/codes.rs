//! Codes that prove that somebody holds a phone: made, sent, shown, used up.
//!
//! A code is six digits and good for one number, one purpose and, where it is to change a number, one person: once, for some
//! minutes, and for some tries. The store has a MAC over all of that and no code. A try is counted before anything is
//! looked at, in a transaction of its own, so that many tries at once are no more tries; one that names another number,
//! purpose or person is nobody's try, and burns nothing.

use anser_contract::v1::{CodePurpose, PhoneCode};
use anser_engine::Tx;
use anser_types::{Code, Error, PhoneCodeId, Result, Timestamp, UserId};

use crate::{AuthService, phone::Phone, refresh_token::Pepper, store};

/// So many codes come at the plain pace; then each waits twice as long as the one before.
const PLAIN: i64 = 3;
/// The longest wait for the next code.
const LONGEST_WAIT_MS: i64 = 3_600_000;
/// After this the pace of a number begins anew.
pub(crate) const DAY_MS: i64 = 24 * 3_600_000;

/// What a code is good for.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) phone: Phone,
    pub(crate) purpose: CodePurpose,
    /// Who may use it, where that matters.
    pub(crate) user: Option<UserId>,
}

/// A code as somebody shows it. Its digits are not kept.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) id: PhoneCodeId,
    pub(crate) phone: Phone,
    pub(crate) phone_mac: [u8; 32],
    pub(crate) purpose: CodePurpose,
    pub(crate) user: Vec<u8>,
    pub(crate) mac: [u8; 32],
}

/// Six digits.
pub(crate) fn random_digits() -> String {
    format!("{:06}", rand::random_range(0..1_000_000_u32))
}

/// As the store has it.
pub(crate) fn sealed(pepper: &Pepper, id: PhoneCodeId, good_for: Use, digits: &str) -> Shown {
    let Use { phone, purpose, user } = good_for;
    let user = user.map(UserId::to_vec).unwrap_or_default();
    let parts: [&[u8]; 5] = [&id.0, phone.as_str().as_bytes(), &[purpose as u8], &user, digits.as_bytes()];
    let (mac, phone_mac) = (pepper.mac("phone code", &parts), phone_mac(pepper, phone.as_str()));
    Shown { id, phone, phone_mac, purpose, user, mac }
}

/// A number where nobody needs to read it.
pub(crate) fn phone_mac(pepper: &Pepper, phone: &str) -> [u8; 32] {
    pepper.mac("phone", &[phone.as_bytes()])
}

/// Takes a code that somebody shows for `purpose`. Of its shape only.
pub(crate) fn shown(
    auth: &AuthService,
    code: Option<PhoneCode>,
    purpose: CodePurpose,
    user: Option<UserId>,
) -> Result<Shown> {
    let PhoneCode { phone, code_id, code } = code.unwrap_or_default();
    let phone = Phone::parse(&phone, &auth.options.codes.countries)?;
    let id = PhoneCodeId::try_from(&code_id[..]).map_err(|_| Error::field("code_id", "must be an id"))?;
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::field("code", "must be 6 digits"));
    }
    Ok(sealed(&auth.pepper, id, Use { phone, purpose, user }, &code))
}

/// A code of which one try is counted: only such a one can be used.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    pub(crate) code: Shown,
    /// Whether there was such a code with a try left.
    counted: bool,
}

/// Counts one try of the code.
pub(crate) async fn try_code(auth: &AuthService, code: Shown) -> Result<Tried> {
    let (tries, now, counting) = (auth.options.codes.tries, auth.clock.now(), code.clone());
    let counted = auth.db.write(move |tx| store::count_try(tx, &counting, tries, now)).await?;
    Ok(Tried { code, counted })
}

impl Tried {
    /// Uses the code up, or says that it is wrong. In the transaction of what it is used for: that succeeds with it.
    pub(crate) fn spend(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<()> {
        let right = self.counted && store::spend_code(tx, &self.code, now)?;
        if right { Ok(()) } else { Err(wrong(self.code.purpose)) }
    }
}

/// Wrong, late, used, of another number: all look alike.
fn wrong(purpose: CodePurpose) -> Error {
    // Who changes their number is logged in, and stays so.
    let code = if purpose == CodePurpose::ChangePhone { Code::Forbidden } else { Code::Unauthenticated };
    Error::new(code, "the code is wrong or no longer good")
}

/// How a number's codes follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) sent: i64,
    pub(crate) since_at: Timestamp,
    pub(crate) next_at: Timestamp,
}

impl Pace {
    /// The pace after one more code, or how long to wait for it.
    pub(crate) fn next(before: Option<Self>, cooldown_ms: i64, now: Timestamp) -> Result<Self, u64> {
        let before = before.filter(|pace| now - pace.since_at < DAY_MS);
        // A time further off than any wait was written before the clock was set back.
        let longest = LONGEST_WAIT_MS.max(cooldown_ms);
        let wait = before.map_or(0, |pace| pace.next_at - now).min(longest);
        if wait > 0 {
            return Err(wait as u64);
        }
        let Self { sent, since_at, .. } = before.unwrap_or(Self { sent: 0, since_at: now, next_at: now });
        let doublings = (sent + 1 - PLAIN).clamp(0, 20) as u32;
        let wait = cooldown_ms.saturating_mul(1 << doublings).min(longest);
        Ok(Self { sent: sent + 1, since_at, next_at: now + wait })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn codes_have_six_digits() {
        for _ in 0..1_000 {
            let digits = random_digits();
            assert!(digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits}");
        }
    }

    #[test]
    fn the_pace_is_plain_at_first_then_slower_and_anew_after_a_day() {
        let (mut pace, mut now, mut waits) = (None, 1_000, Vec::new());
        for _ in 0..11 {
            let next = Pace::next(pace, MINUTE, now).unwrap();
            waits.push((next.next_at - now) / MINUTE);
            assert_eq!(Pace::next(Some(next), MINUTE, next.next_at - 1), Err(1));
            (pace, now) = (Some(next), next.next_at);
        }
        assert_eq!(waits, [1, 1, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        let anew = Pace::next(pace, MINUTE, 1_000 + DAY_MS).unwrap();
        assert_eq!(anew, Pace { sent: 1, since_at: 1_000 + DAY_MS, next_at: 1_000 + DAY_MS + MINUTE });
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nobody_wait_longer_than_ever() {
        let far = Pace { sent: 9, since_at: 500 * DAY_MS, next_at: 501 * DAY_MS };
        assert_eq!(Pace::next(Some(far), MINUTE, 499 * DAY_MS), Err(LONGEST_WAIT_MS as u64));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whoever asks whenever they like: never two codes within the cool-down, and never many in a day.
        #[test]
        fn no_number_is_flooded(pauses in prop::collection::vec(0_i64..40 * MINUTE, 1..200)) {
            let (mut pace, mut now, mut sent) = (None, 0, Vec::new());
            for pause in pauses {
                now += pause;
                if let Ok(next) = Pace::next(pace, MINUTE, now) {
                    sent.push(now);
                    pace = Some(next);
                }
            }
            prop_assert!(sent.windows(2).all(|two| two[1] - two[0] >= MINUTE));
            prop_assert!(sent.iter().all(|&from| sent.iter().filter(|&&at| (from..from + DAY_MS / 2).contains(&at)).count() <= 40));
        }
    }
}
