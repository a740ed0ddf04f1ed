//! Roles are data: which parts of Anser a process runs, and where the others are.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf};

use serde::Deserialize;

use crate::config::Peers;

/// A part of Anser that a process may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The door for clients: HTTP and WebSocket.
    Gateway,
    /// Credentials, sessions, tokens.
    Auth,
    /// Profiles.
    User,
    /// Friend requests and friends.
    Contact,
    /// Conversations and messages.
    Messaging,
    /// Uploads and files.
    File,
    /// Speech put into words.
    Speech,
    /// Finding messages and people.
    Search,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 8] =
        [Role::Gateway, Role::Auth, Role::User, Role::Contact, Role::Messaging, Role::File, Role::Search, Role::Speech];
}

/// Which roles run here and where the others are: one of the splits that the embedded store allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Everything in this process.
    All {
        /// Every call goes through the network adapters all the same (for tests).
        loopback: bool,
    },
    /// The gateway alone.
    Gateway {
        /// Where the other roles are.
        store: String,
        /// The file with the secret to show there.
        secret_file: PathBuf,
    },
    /// Everything but the gateway.
    Store {
        /// Where the roles are served.
        listen: SocketAddr,
    },
}

impl Placement {
    /// Finds the split, or says why there is none such.
    pub fn of(roles: &[Role], peers: &Peers) -> Result<Self, String> {
        let here: BTreeSet<Role> = roles.iter().copied().collect();
        let all = here.len() == Role::ALL.len();
        let gateway = here.contains(&Role::Gateway);
        if all {
            return Ok(Placement::All { loopback: peers.loopback });
        }
        if peers.loopback {
            return Err("peers.loopback needs all roles in one process".into());
        }
        if gateway && here.len() == 1 {
            let store = peers.store.clone().ok_or(
                "the gateway alone needs peers.store, the address of the process that runs the other roles \
                 (such as --set peers.store=http://127.0.0.1:8081)",
            )?;
            let secret_file = peers
                .secret_file
                .clone()
                .ok_or("the gateway alone needs peers.secret_file, the peer.secret that the other process made")?;
            return Ok(Placement::Gateway { store, secret_file });
        }
        if !gateway && here.len() == Role::ALL.len() - 1 {
            let listen = peers.listen.ok_or(
                "all roles but the gateway need peers.listen, the address where they are served to the gateway",
            )?;
            return Ok(Placement::Store { listen });
        }
        Err("server.roles: with the embedded store a process runs all roles, or the gateway alone, or all but the \
             gateway; one process owns the database, its indexes and its events"
            .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(store: &str, secret: &str, listen: &str) -> Peers {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Peers {
            store: text(store),
            secret_file: text(secret).map(PathBuf::from),
            listen: text(listen).map(|text| text.parse().unwrap()),
            loopback: false,
        }
    }

    #[test]
    fn three_splits_exist() {
        assert_eq!(Placement::of(&Role::ALL, &peers("", "", "")), Ok(Placement::All { loopback: false }));
        let gateway = Placement::of(&[Role::Gateway], &peers("http://a:1", "s", ""));
        assert!(matches!(gateway, Ok(Placement::Gateway { .. })));
        let store = Placement::of(&Role::ALL[1..], &peers("", "", "127.0.0.1:0"));
        assert!(matches!(store, Ok(Placement::Store { .. })));
    }

    #[test]
    fn any_other_split_is_refused_with_the_reason() {
        let refusal = Placement::of(&[Role::Gateway, Role::Auth], &peers("", "", "")).unwrap_err();
        assert!(refusal.contains("one process owns the database"), "{refusal}");
        assert!(Placement::of(&[], &peers("", "", "")).is_err());
        assert!(Placement::of(&[Role::Gateway], &peers("", "", "")).unwrap_err().contains("peers.store"));
        assert!(Placement::of(&Role::ALL[1..], &peers("", "", "")).unwrap_err().contains("peers.listen"));
    }
}
