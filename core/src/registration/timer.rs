//! What a peer's registrations wait for.

use crate::util::part_timer::part_timer;

part_timer! {
    /// Deadlines of registration.
    RegistrationTimer {
        /// Renew the registration with the seed node that the settings gave this number, or give up
        /// waiting for it to be granted.
        Renew(u32) = 0,
        /// Try the seed node of this number again.
        Retry(u32) = 1,
    }
}
