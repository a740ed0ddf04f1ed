//! Words that stand for somebody in one download: who, through which session, what, until when, under a seal. Nothing of them
//! is stored. Whether the session still lives, and whether they may still read it, the gateway asks when the word is used.

use anser_contract::{
    Context,
    v1::{FileVariant, MintDownloadReply, MintDownloadRequest, RedeemDownloadReply},
};
use anser_types::{Code, Error, FileId, Result, SessionId, UserId, base32};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Room;

/// Says what the seal is for: the same secret seals other things.
const PURPOSE: &[u8] = b"anser download 1";
/// Three ids, a variant and a time.
const PAYLOAD_BYTES: usize = 16 * 3 + 1 + 8;
const SEAL_BYTES: usize = 16;

pub(crate) fn mint_download(room: &Room, ctx: &Context, request: MintDownloadRequest) -> Result<MintDownloadReply> {
    let (user, session) = (ctx.user()?, ctx.session()?);
    let file = FileId::try_from(&request.file_id[..])?;
    let expires_at = room.clock.now() + room.options.download_ttl.as_millis() as i64;
    let mut word = Vec::with_capacity(PAYLOAD_BYTES + SEAL_BYTES);
    word.extend_from_slice(user.as_bytes());
    word.extend_from_slice(session.as_bytes());
    word.extend_from_slice(file.as_bytes());
    word.push(i32::from(request.variant()) as u8);
    word.extend_from_slice(&expires_at.to_be_bytes());
    let seal = seal(&room.secret, &word).finalize().into_bytes();
    word.extend_from_slice(&seal[..SEAL_BYTES]);
    Ok(MintDownloadReply { token: base32::encode(&word), expires_at })
}

pub(crate) fn redeem_download(room: &Room, token: &str) -> Result<RedeemDownloadReply> {
    let word = base32::decode(token).filter(|word| word.len() == PAYLOAD_BYTES + SEAL_BYTES).ok_or_else(refused)?;
    let (payload, shown) = word.split_at(PAYLOAD_BYTES);
    seal(&room.secret, payload).verify_truncated_left(shown).map_err(|_| refused())?;
    let id = |place: usize| payload.get(place..place + 16).ok_or_else(refused);
    let mut expires_at = [0; 8];
    expires_at.copy_from_slice(&payload[49..]);
    if i64::from_be_bytes(expires_at) <= room.clock.now() {
        return Err(Error::new(Code::Gone, "the time of this address is over"));
    }
    let variant = FileVariant::try_from(i32::from(payload[48])).map_err(|_| refused())?;
    Ok(RedeemDownloadReply {
        user_id: UserId::try_from(id(0)?)?.to_vec(),
        session_id: SessionId::try_from(id(16)?)?.to_vec(),
        file_id: FileId::try_from(id(32)?)?.to_vec(),
        variant: variant.into(),
    })
}

fn seal(secret: &[u8; 32], payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(PURPOSE);
    mac.update(payload);
    mac
}

fn refused() -> Error {
    Error::not_found("download")
}
