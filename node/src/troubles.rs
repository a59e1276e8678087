//! What went wrong beside the driver: on links, at the door, with names and files. Tasks note it here, and the
//! driver counts it and tells of it.

use std::collections::BTreeMap;
use std::error::Error;
use std::mem;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::own_trouble::handle_limit;

/// What was noted since the driver looked last.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    noted: Mutex<BTreeMap<&'static str, Trouble>>,
    news: Notify,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) count: u64,
    /// What happened last; none where that has a line of its own.
    pub(crate) text: Option<String>,
}

impl Troubles {
    /// Counts one more, and says what it was.
    pub(crate) fn note(&self, reason: &'static str, text: String) {
        self.add(reason, Some(text));
    }

    /// Counts one more, which is told elsewhere.
    pub(crate) fn count(&self, reason: &'static str) {
        self.add(reason, None);
    }

    fn add(&self, reason: &'static str, text: Option<String>) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let trouble = noted.entry(reason).or_default();
        trouble.count += 1;
        trouble.text = text;
        drop(noted);
        self.news.notify_one();
    }

    /// A connection of others could not be accepted.
    pub(crate) fn not_accepted(&self, error: &dyn Error) {
        self.note("accepts_failed", with_limit("connections could not be accepted", error));
    }

    /// A connection was closed at once: its handle is kept for something else.
    pub(crate) fn kept_free(&self, error: &dyn Error) {
        self.note("handles_kept", with_limit("connections were closed at once", error));
    }

    /// This machine could not try a dial.
    pub(crate) fn not_dialed(&self, error: &dyn Error) {
        let what = "dials could not be tried, which is held against nobody";
        self.note("dials_not_tried", with_limit(what, error));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Something was noted.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    pub(crate) fn take(&self) -> BTreeMap<&'static str, Trouble> {
        mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn with_limit(what: &str, error: &dyn Error) -> String {
    let limit = handle_limit().map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
    format!("{what}: {error}; this process may open {limit} files (ulimit -n)")
}
