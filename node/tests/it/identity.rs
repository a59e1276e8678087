//! Identity files: made once, kept, guarded.

use std::fs;

use tidings_core::UnixTime;
use tidings_node::{Identity, IdentityErrorKind};

use crate::support::empty_folder;

fn now() -> UnixTime {
    UnixTime::from_millis(1_700_000_000_000)
}

#[test]
fn a_node_is_the_same_after_a_restart_in_a_later_life() {
    let path = empty_folder("identity_restart").join("deeper/peer-1.identity");
    let first = Identity::load_or_create(&path, now()).expect("made");
    let (id, epoch) = (first.id(), first.epoch());
    assert_eq!(epoch.0, now().as_millis());
    drop(first);
    // The calendar stands still, or was set back: the epoch grows all the same.
    let second = Identity::load_or_create(&path, UnixTime::from_millis(5)).expect("loaded");
    assert_eq!((second.id(), second.epoch().0), (id, epoch.0 + 1));
}

#[test]
fn two_nodes_have_two_identities() {
    let folder = empty_folder("identity_two");
    let a = Identity::load_or_create(&folder.join("a.identity"), now()).expect("made");
    let b = Identity::load_or_create(&folder.join("b.identity"), now()).expect("made");
    assert_ne!(a.id(), b.id());
}

#[test]
fn two_processes_cannot_be_one_node() {
    let path = empty_folder("identity_lock").join("a.identity");
    let _running = Identity::load_or_create(&path, now()).expect("made");
    let error = Identity::load_or_create(&path, now()).expect_err("locked");
    assert!(matches!(error.kind, IdentityErrorKind::InUse), "{error}");
    assert!(error.to_string().ends_with("a.identity: another process runs as this node"));
}

#[test]
fn a_spoilt_file_is_refused_and_left_alone() {
    let path = empty_folder("identity_bad").join("a.identity");
    for (text, words) in [
        ("what is this", "expected"),
        ("version = 1\nsecret_key = \"abc\"\n", "not 64 hexadecimal digits"),
        ("version = 9\nsecret_key = \"\"\n", "version 9, this program reads version 1"),
    ] {
        fs::write(&path, text).expect("written");
        let error = Identity::load_or_create(&path, now()).expect_err(text).to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("still there"), text);
    }
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_the_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let path = empty_folder("identity_mode").join("a.identity");
    let _identity = Identity::load_or_create(&path, now()).expect("made");
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
