//! Every kind of error, walked: one prints its source or returns it, and never both, so that a chain that is
//! printed says nothing twice.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tidings_core::{AddressRecord, BootEpoch, Config, NodeId, Payload, Rejection};

use crate::seed_file::{SeedFileError, WrongLine};
use crate::settings::{self, SettingError};
use crate::{
    BroadcastError, DriverError, HostPortError, IdentityError, IdentityErrorKind, NoMembers,
    RequestError, SeedLookupError, SendError, StartError,
};

const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

fn io_error() -> io::Error {
    io::Error::other("the disk is full")
}

fn path() -> PathBuf {
    "a/file".into()
}

fn wrong_config() -> tidings_core::ConfigError {
    let mut config = Config::classic();
    config.overlay.max_peers = 65;
    config.check().expect_err("65 links cannot be numbered")
}

fn too_long() -> tidings_core::TooLong {
    Payload::new(vec![0; Payload::MAX + 1]).expect_err("too long")
}

/// Kinds in this list and the next ones are complete as long as the matches below compile.
fn starts() -> Vec<StartError> {
    let no_address = AddressRecord::new(NodeId::new([1; 32]), BootEpoch(1), &[]);
    let kind = IdentityErrorKind::InUse;
    let all = vec![
        StartError::Config(wrong_config()),
        StartError::Address(no_address.expect_err("no address")),
        StartError::Identity(IdentityError { path: path(), kind }),
        StartError::Seeds(SeedLookupError::None(vec![path()])),
        StartError::Announce(SeedFileError::Io { path: path(), error: io_error() }),
        StartError::Listen { addr: NOWHERE, error: io_error() },
        StartError::Randomness(io_error()),
    ];
    for error in &all {
        match error {
            StartError::Config(_)
            | StartError::Address(_)
            | StartError::Identity(_)
            | StartError::Seeds(_)
            | StartError::Announce(_)
            | StartError::Listen { .. }
            | StartError::Randomness(_) => {}
        }
    }
    all
}

fn files() -> Vec<SeedFileError> {
    let wrong = WrongLine { line: 1, text: "x".to_owned(), reason: "no port".to_owned() };
    let all = vec![
        SeedFileError::Io { path: path(), error: io_error() },
        SeedFileError::NoToml { path: path() },
        SeedFileError::Wrong { path: path(), wrong: vec![wrong] },
    ];
    for error in &all {
        match error {
            SeedFileError::Io { .. }
            | SeedFileError::NoToml { .. }
            | SeedFileError::Wrong { .. } => {}
        }
    }
    all
}

fn look_ups() -> Vec<SeedLookupError> {
    let io = SeedFileError::Io { path: path(), error: io_error() };
    let all = vec![
        SeedLookupError::File(io),
        SeedLookupError::None(vec![]),
        SeedLookupError::TooMany(65),
    ];
    for error in &all {
        match error {
            SeedLookupError::File(_) | SeedLookupError::None(_) | SeedLookupError::TooMany(_) => {}
        }
    }
    all
}

fn identities() -> Vec<IdentityError> {
    let kinds = [
        IdentityErrorKind::Io(io_error()),
        IdentityErrorKind::InUse,
        IdentityErrorKind::Malformed("line 1".to_owned()),
        IdentityErrorKind::Version(2),
    ];
    let of = |kind| match kind {
        IdentityErrorKind::Io(_)
        | IdentityErrorKind::InUse
        | IdentityErrorKind::Malformed(_)
        | IdentityErrorKind::Version(_) => IdentityError { path: path(), kind },
    };
    kinds.map(of).into()
}

fn requests() -> Vec<SendError> {
    let all = vec![
        SendError::TooLong(too_long()),
        SendError::Refused(BroadcastError::Request(RequestError::Stopped)),
        SendError::Refused(BroadcastError::Request(RequestError::Busy)),
        SendError::Refused(BroadcastError::Rejected(Rejection::Leaving)),
    ];
    for error in &all {
        match error {
            SendError::TooLong(_)
            | SendError::Refused(
                BroadcastError::Rejected(_)
                | BroadcastError::Request(RequestError::Stopped | RequestError::Busy),
            ) => {}
        }
    }
    all
}

fn others() -> Vec<Box<dyn Error>> {
    let host: HostPortError = "x".parse::<crate::HostPort>().expect_err("no port");
    let setting: SettingError =
        settings::set(&mut Config::classic(), "x", "1").expect_err("no setting");
    let ends = [
        DriverError::Panicked("at the disco".to_owned()),
        DriverError::IdentityInUse(NOWHERE),
        DriverError::AlreadyEnded,
    ];
    let mut all: Vec<Box<dyn Error>> =
        vec![Box::new(host), Box::new(setting), Box::new(NoMembers), Box::new(wrong_config())];
    all.extend(ends.map(|end| match end {
        DriverError::Panicked(_) | DriverError::IdentityInUse(_) | DriverError::AlreadyEnded => {
            Box::from(end)
        }
    }));
    all
}

fn boxed<E: Error + 'static>(errors: Vec<E>) -> impl Iterator<Item = Box<dyn Error>> {
    errors.into_iter().map(|error| -> Box<dyn Error> { Box::new(error) })
}

/// What a chain of errors says twice.
fn said_twice(error: &(dyn Error + 'static)) -> Option<String> {
    let mut outer = error;
    while let Some(inner) = outer.source() {
        if outer.to_string().contains(&inner.to_string()) {
            return Some(outer.to_string());
        }
        outer = inner;
    }
    None
}

/// What no error of this crate may do.
#[derive(Debug, thiserror::Error)]
#[error("reading: {0}")]
struct Twice(#[source] io::Error);

#[test]
fn every_error_prints_its_source_or_returns_it() {
    let all: Vec<Box<dyn Error>> = boxed(starts())
        .chain(boxed(files()))
        .chain(boxed(look_ups()))
        .chain(boxed(identities()))
        .chain(boxed(requests()))
        .chain(others())
        .collect();
    for error in &all {
        assert_eq!(said_twice(error.as_ref()), None);
        assert!(!error.to_string().is_empty() && !error.to_string().ends_with('.'), "{error}");
    }
    assert!(said_twice(&Twice(io_error())).is_some(), "one that does both is found");
}

/// The whole of what went wrong is in the chain.
#[test]
fn no_reason_is_lost() {
    let chain = |error: &dyn Error| {
        let mut texts = vec![error.to_string()];
        let mut next = error.source();
        while let Some(error) = next {
            texts.push(error.to_string());
            next = error.source();
        }
        texts.join(": ")
    };
    for (error, text) in [
        (StartError::Config(wrong_config()), "settings: max_peers = 65: allowed is 1 to 64"),
        (
            StartError::Listen { addr: NOWHERE, error: io_error() },
            "listening on 127.0.0.1:9: the disk is full",
        ),
        (
            StartError::Announce(SeedFileError::Io { path: path(), error: io_error() }),
            "announcing this seed node: a/file: the disk is full",
        ),
        (
            StartError::Identity(IdentityError { path: path(), kind: IdentityErrorKind::InUse }),
            "identity: a/file: another process runs as this node",
        ),
    ] {
        assert_eq!(chain(&error), text);
    }
}
