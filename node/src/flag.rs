//! A flag that readers raise and the driver sees.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Up or down.
#[derive(Debug, Default)]
pub(crate) struct Flag {
    is_raised: AtomicBool,
    raised: Notify,
}

impl Flag {
    pub(crate) fn raise(&self) {
        self.is_raised.store(true, Ordering::Release);
        self.raised.notify_one();
    }

    /// Whether it was raised since the last call.
    pub(crate) fn take(&self) -> bool {
        self.is_raised.swap(false, Ordering::AcqRel)
    }

    /// Waits until somebody raises it.
    pub(crate) async fn raised(&self) {
        self.raised.notified().await;
    }
}
