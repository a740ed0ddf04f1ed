//! Access tokens: JWTs (RFC 7519) of type `at+jwt` (RFC 9068), signed with ES256 (RFC 7518, section 3.4).

use anser_types::{Error, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde::{Deserialize, Serialize};

/// What an access token says. Ids are base32 text, times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: String,
    pub(crate) sid: String,
    pub(crate) did: String,
    pub(crate) scope: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) jti: String,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// The key that signs, and its name.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    /// Names the key: the beginning of the SHA-256 of its public point.
    pub(crate) kid: String,
    header: String,
}

impl Signer {
    pub(crate) fn new(pkcs8: &[u8]) -> Result<Self> {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random)
            .map_err(|_| Error::internal("the signing key is not a P-256 key in PKCS #8"))?;
        let digest = digest::digest(&digest::SHA256, key.public_key().as_ref());
        let kid = URL_SAFE_NO_PAD.encode(&digest.as_ref()[..9]);
        let header = encode(&Header { alg: "ES256".into(), typ: "at+jwt".into(), kid: kid.clone() })?;
        Ok(Self { key, random, kid, header })
    }

    /// The uncompressed public point.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    pub(crate) fn sign(&self, claims: &Claims) -> Result<String> {
        let signed = format!("{}.{}", self.header, encode(claims)?);
        let signature = self
            .key
            .sign(&self.random, signed.as_bytes())
            .map_err(|_| Error::internal("an access token could not be signed"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn encode(part: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(part).map_err(|_| Error::internal("a token part is not JSON"))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

#[cfg(test)]
pub(crate) mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;
    use crate::generate_signing_key;

    /// What a token says, if the key signed it; checks header and shape, not time.
    pub(crate) fn open(token: &str, public_key: &[u8], kid: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        assert_eq!((header.alg.as_str(), header.typ.as_str(), header.kid.as_str()), ("ES256", "at+jwt", kid));
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public_key).verify(signed.as_bytes(), &signature).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    #[test]
    fn a_token_opens_with_its_key_and_no_other() {
        let signer = Signer::new(&generate_signing_key().unwrap()).unwrap();
        let other = Signer::new(&generate_signing_key().unwrap()).unwrap();
        let text = |text: &str| text.to_owned();
        let claims = Claims {
            iss: text("anser"),
            aud: text("anser"),
            sub: text("u"),
            sid: text("s"),
            did: text("d"),
            scope: text("user"),
            iat: 1,
            exp: 601,
            jti: text("j"),
        };
        let token = signer.sign(&claims).unwrap();
        assert_eq!(open(&token, signer.public_key(), &signer.kid), Some(claims));
        assert_eq!(open(&token, other.public_key(), &signer.kid), None);
        let (rest, _) = token.rsplit_once('.').unwrap();
        assert_eq!(open(&format!("{rest}.AAAA"), signer.public_key(), &signer.kid), None);
        assert_eq!((signer.public_key().len(), signer.public_key()[0]), (65, 4));
    }

    #[test]
    fn a_foreign_key_is_refused() {
        assert!(Signer::new(b"not a key").is_err());
    }
}
