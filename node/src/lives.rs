//! A life that was begun because others knew a newer one is kept as any other: the next one is above it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use tidings_core::{BootEpoch, Event, Instant, LifeNews};
use tokio::sync::Notify;

use crate::handle::Observer;
use crate::identity::store_epoch;
use crate::troubles::Troubles;

/// Notes that a life was begun.
#[derive(Debug, Default)]
pub(crate) struct Lives {
    begun: AtomicU64,
    news: Notify,
}

impl Observer for Lives {
    fn on_event(&self, _at: Instant, event: &Event) {
        if let Event::OtherLife { news: LifeNews::Begun(epoch), .. } = event {
            self.begun.store(epoch.0, Ordering::Relaxed);
            self.news.notify_one();
        }
    }
}

impl Lives {
    /// Stores each life that is begun, on a thread where a slow disk holds up nobody, until the runtime ends.
    #[expect(clippy::disallowed_methods, reason = "files are of real nodes only")]
    pub(crate) async fn keep(&self, path: Option<PathBuf>, troubles: &Troubles) {
        let Some(path) = path else { return };
        loop {
            self.news.notified().await;
            let path = path.clone();
            let epoch = BootEpoch(self.begun.load(Ordering::Relaxed));
            let file = path.display().to_string();
            let stored = tokio::task::spawn_blocking(move || store_epoch(&path, epoch)).await;
            let Ok(stored) = stored else { return };
            if let Err(error) = stored {
                let what = "the boot epoch is not stored: the next life relies on the clock";
                troubles.note("epoch_not_stored", format!("{file}: {error}: {what}"));
            }
        }
    }
}
