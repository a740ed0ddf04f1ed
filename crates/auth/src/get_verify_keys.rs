//! What gateways check access tokens with.

use anser_contract::v1::{GetVerifyKeysReply, VerifyKey};

use crate::AuthService;

pub(crate) fn get_verify_keys(auth: &AuthService) -> GetVerifyKeysReply {
    let key = VerifyKey { kid: auth.signer.kid.clone(), public_key: auth.signer.public_key().to_vec() };
    GetVerifyKeysReply { keys: vec![key], issuer: auth.options.issuer.clone(), audience: auth.options.audience.clone() }
}
