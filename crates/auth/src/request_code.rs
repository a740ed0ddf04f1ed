//! Sends a code to a phone.
//!
//! Nothing here asks whether the number is somebody's, so the work, the words and the message are the same for every
//! number. What it costs is bounded four times: for an address, for a number, for the range that a number is of, and for
//! all of a day.

use anser_contract::{
    Context,
    v1::{CodePurpose, RequestCodeReply, RequestCodeRequest},
};
use anser_engine::Tx;
use anser_types::{Action, Error, PhoneCodeId, Result, Standing, Timestamp, authorise};

use crate::{
    AuthService, CodeOptions, Source,
    codes::{self, DAY_MS, Pace, Shown, Use},
    phone::Phone,
    sms::{Sms, SmsFailure},
    store,
};

pub(crate) async fn request_code(
    auth: &AuthService,
    ctx: &Context,
    request: RequestCodeRequest,
) -> Result<RequestCodeReply> {
    let user = match request.purpose() {
        CodePurpose::Account | CodePurpose::ResetPassword => None,
        CodePurpose::ChangePhone => {
            authorise(Action::EditOwnProfile, Standing::Own)?;
            Some(ctx.user()?)
        }
        CodePurpose::Unspecified => return Err(Error::field("purpose", "must say what the code is for")),
    };
    let (options, now) = (auth.options.codes.clone(), auth.clock.now());
    if let Some(ip) = ctx.client_ip {
        auth.codes_by_ip.take(Source::of(ip), now)?;
    }
    let phone = Phone::parse(&request.phone, &options.countries)?;
    let good_for = Use { phone, purpose: request.purpose(), user };
    let (id, digits) = (PhoneCodeId::new(&auth.clock), codes::random_digits());
    let code = codes::sealed(&auth.pepper, id, good_for, &digits);

    // Who asks too early takes nothing from the neighbours of the number.
    let mac = code.phone_mac;
    let before = auth.db.read(move |reader| store::pace(reader, &mac)).await?;
    next_pace(before, &options, now)?;
    auth.codes_by_range.take(code.phone.range(), now)?;

    let issuing = code.clone();
    let issued = auth.db.write(move |tx| issue(tx, &issuing, &options, now)).await?;
    let sms = Sms { phone: code.phone.as_str().to_owned(), code: digits, purpose: code.purpose, at: now };
    if let Err(failure) = auth.sms.send(&sms, ctx.deadline).await {
        return Err(take_back(auth, code, issued, failure).await);
    }
    metrics::counter!("anser_auth_codes_total", "outcome" => "sent").increment(1);
    Ok(RequestCodeReply { code_id: id.to_vec(), expires_at: issued.expires_at, resend_at: issued.pace.next_at })
}

/// What was noted for a code.
#[derive(Clone, Copy)]
struct Issued {
    expires_at: Timestamp,
    pace: Pace,
    pace_before: Option<Pace>,
    day: i64,
}

fn issue(tx: &mut Tx<'_>, code: &Shown, options: &CodeOptions, now: Timestamp) -> Result<Issued> {
    let pace_before = store::pace(tx, &code.phone_mac)?;
    let pace = next_pace(pace_before, options, now)?;
    let day = now.div_euclid(DAY_MS);
    let sent = store::sent_on(tx, day)?;
    if options.a_day > 0 && sent >= i64::from(options.a_day) {
        return Err(limited("codes_a_day", ((day + 1) * DAY_MS - now) as u64));
    }
    store::set_sent_on(tx, day, sent + 1)?;
    store::set_pace(tx, &code.phone_mac, Some(pace))?;
    let expires_at = now + options.life.as_millis() as i64;
    store::insert_code(tx, code, expires_at)?;
    Ok(Issued { expires_at, pace, pace_before, day })
}

fn next_pace(before: Option<Pace>, options: &CodeOptions, now: Timestamp) -> Result<Pace> {
    let cooldown_ms = options.cooldown.as_millis() as i64;
    Pace::next(before, cooldown_ms, now).map_err(|wait_ms| limited("codes_by_phone", wait_ms))
}

fn limited(limit: &'static str, wait_ms: u64) -> Error {
    metrics::counter!("anser_auth_rate_limited_total", "limit" => limit).increment(1);
    Error::rate_limited(wait_ms)
}

/// Nobody gets the id of a code that was not sent, so it is forgotten. Where it is certain that it was not, its number and
/// the day have it back.
async fn take_back(auth: &AuthService, code: Shown, issued: Issued, failure: SmsFailure) -> Error {
    let (error, certain) = match failure {
        SmsFailure::NotSent(error) => (error, true),
        SmsFailure::Unknown(error) => (error, false),
    };
    let outcome = if certain { "not_sent" } else { "unknown" };
    metrics::counter!("anser_auth_codes_total", "outcome" => outcome).increment(1);
    let taken = auth.db.write(move |tx| {
        store::delete_code(tx, code.id)?;
        if certain {
            store::set_pace(tx, &code.phone_mac, issued.pace_before)?;
            let sent = store::sent_on(tx, issued.day)?;
            store::set_sent_on(tx, issued.day, (sent - 1).max(0))?;
        }
        Ok(())
    });
    if let Err(error) = taken.await {
        tracing::warn!(%error, "a code that was not sent could not be taken back");
    }
    error
}
