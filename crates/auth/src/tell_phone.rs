//! Telling user which phone number a profile is to show. Auth decides whose a number is, user keeps a copy for its owner to
//! see: each change is noted with the change itself, and told until user has it.

use anser_contract::{Context, v1::SetPhoneRequest};
use anser_types::{Code, Result};

use crate::{AuthService, store};

const STEP: i64 = 100;

/// Tells what is to be told. What fails is told again by the next sweep.
pub(crate) async fn tell_soon(auth: &AuthService) {
    if let Err(error) = tell(auth).await {
        tracing::warn!(%error, "a changed phone number does not stand in its profile yet");
    }
}

async fn tell(auth: &AuthService) -> Result<()> {
    // One at a time, so that of two changes the later one is told later.
    let _alone = auth.telling.lock().await;
    loop {
        let untold = auth.db.read(|reader| store::untold_phones(reader, STEP)).await?;
        if untold.is_empty() {
            return Ok(());
        }
        for (user, phone) in untold {
            let request = SetPhoneRequest { user_id: user.to_vec(), phone: phone.clone() };
            match auth.users.set_phone(&Context::service(), request).await {
                Ok(_) => {}
                // Its person is going, and nobody will see it.
                Err(error) if error.code == Code::NotFound => {}
                Err(error) => return Err(error),
            }
            auth.db.write(move |tx| store::note_phone_told(tx, user, &phone)).await?;
        }
    }
}
