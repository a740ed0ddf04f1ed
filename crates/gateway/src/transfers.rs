//! Who sends and gets files at this moment: so many at once, and so many of one person, because each holds some memory.

use std::{collections::HashMap, sync::Arc};

use anser_types::{Error, Result, UserId};
use parking_lot::Mutex;

use crate::options::TransferLimits;

/// The transfers of this process.
#[derive(Clone)]
pub(crate) struct Transfers {
    limits: TransferLimits,
    /// How many each person has; nobody is in here without one.
    open: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// A transfer, for as long as this is kept.
pub(crate) struct Transfer {
    transfers: Transfers,
    user: UserId,
}

impl Transfers {
    pub(crate) fn new(limits: TransferLimits) -> Self {
        Self { limits, open: Arc::default() }
    }

    /// One more of `user`, if there is room for it.
    pub(crate) fn begin(&self, user: UserId) -> Result<Transfer> {
        let mut open = self.open.lock();
        let own = open.get(&user).copied().unwrap_or_default();
        if own >= self.limits.at_once_a_user {
            return Err(Error::rate_limited(1_000));
        }
        if open.values().sum::<usize>() >= self.limits.at_once {
            return Err(Error::unavailable("too many files are sent at once"));
        }
        open.insert(user, own + 1);
        metrics::gauge!("anser_gateway_transfers").increment(1.0);
        Ok(Transfer { transfers: self.clone(), user })
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        metrics::gauge!("anser_gateway_transfers").decrement(1.0);
        let mut open = self.transfers.open.lock();
        match open.get_mut(&self.user) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                open.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use anser_types::Code;

    use super::*;

    #[test]
    fn one_person_does_not_take_every_place() {
        let limits = TransferLimits { at_once: 3, at_once_a_user: 2, ..TransferLimits::default() };
        let transfers = Transfers::new(limits);
        let (alice, bob, cleo) = (UserId([1; 16]), UserId([2; 16]), UserId([3; 16]));
        let first = transfers.begin(alice).unwrap();
        let _second = transfers.begin(alice).unwrap();
        assert_eq!(transfers.begin(alice).map(|_| ()).unwrap_err().code, Code::RateLimited);
        let _bobs = transfers.begin(bob).unwrap();
        assert_eq!(transfers.begin(cleo).map(|_| ()).unwrap_err().code, Code::Unavailable);
        drop(first);
        let _cleos = transfers.begin(cleo).expect("a place is free again");
        assert_eq!(transfers.open.lock().len(), 3);
    }
}
