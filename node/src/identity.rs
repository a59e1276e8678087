//! Who a node is, from one start to the next: an Ed25519 key in a file, and beside it the boot
//! epoch, which only grows.
//!
//! ```text
//! peer-5001.identity   version = 1, secret_key = "<64 hex digits>"     readable by its owner alone
//! peer-5001.epoch      version = 1, boot_epoch = 1700000000000
//! ```
//!
//! The files are made on the first start. The identity file is locked while its node runs, so that
//! two processes cannot be the same node.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use tidings_core::{BootEpoch, NodeId, UnixTime};

const VERSION: u32 = 1;

/// A node's identity in this life. Keeps its file locked, if it has one.
#[derive(Debug)]
pub struct Identity {
    key: SigningKey,
    epoch: BootEpoch,
    not_stored: Option<IdentityError>,
    _locked: Option<File>,
    /// Where the boot epoch is kept, if it is.
    epoch_path: Option<PathBuf>,
}

/// An identity that cannot be used. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {kind}", path = path.display())]
pub struct IdentityError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: IdentityErrorKind,
}

/// What is wrong with an identity's file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityErrorKind {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Another process runs as this node.
    #[error("another process runs as this node")]
    InUse,
    /// It is not what this program writes.
    #[error("{0}")]
    Malformed(String),
    /// It was written by a newer program.
    #[error("version {0}, this program reads version {VERSION}")]
    Version(u32),
}

impl Identity {
    /// Loads the identity of `path`, or makes one, and begins a new life: the boot epoch becomes
    /// max(stored + 1, `now` in milliseconds) and is stored.
    pub fn load_or_create(path: &Path, now: UnixTime) -> Result<Self, IdentityError> {
        let at = |kind| IdentityError { path: path.to_owned(), kind };
        let (key, locked) = load_or_create_key(path).map_err(at)?;
        let epoch_path = path.with_extension("epoch");
        let (epoch, error) = next_epoch(&epoch_path, now)
            .map_err(|kind| IdentityError { path: epoch_path.clone(), kind })?;
        let not_stored =
            error.map(|error| IdentityError { path: epoch_path.clone(), kind: error.into() });
        Ok(Self { key, epoch, not_stored, _locked: Some(locked), epoch_path: Some(epoch_path) })
    }

    /// An identity for one life only, in no file.
    pub fn for_once(now: UnixTime) -> io::Result<Self> {
        let key = SigningKey::from_bytes(&random_bytes()?);
        let epoch = BootEpoch(now.as_millis());
        Ok(Self { key, epoch, not_stored: None, _locked: None, epoch_path: None })
    }

    /// The node's id: its public key.
    pub fn id(&self) -> NodeId {
        NodeId::new(self.key.verifying_key().to_bytes())
    }

    /// Why the boot epoch could not be stored, where it could not. This life is good without; the next one
    /// relies on a clock that goes forward.
    pub fn not_stored(&self) -> Option<&IdentityError> {
        self.not_stored.as_ref()
    }

    /// Where the boot epoch is kept, if it is.
    pub(crate) fn epoch_path(&self) -> Option<PathBuf> {
        self.epoch_path.clone()
    }

    /// Which life of the node this is.
    pub fn epoch(&self) -> BootEpoch {
        self.epoch
    }
}

fn load_or_create_key(path: &Path) -> Result<(SigningKey, File), IdentityErrorKind> {
    if let Some(folder) = path.parent() {
        make_private(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => IdentityErrorKind::InUse,
        TryLockError::Error(error) => error.into(),
    })?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if !text.is_empty() {
        return Ok((parse_key(&text)?, file));
    }
    let secret = random_bytes()?;
    // A key has the same text form as an id.
    let key = NodeId::new(secret);
    let text = format!(
        "# Whoever has this file is this node. Keep it to yourself.\n\
         version = {VERSION}\nsecret_key = \"{key:#}\"\n"
    );
    write_whole(&mut file, path, &text)?;
    Ok((SigningKey::from_bytes(&secret), file))
}

/// Writes a new file whole, or takes it back: half a file would be in the way of the next start.
fn write_whole(file: &mut File, path: &Path, text: &str) -> io::Result<()> {
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // An empty file is as good as none, where one of these two fails.
        let _half = file.set_len(0);
        let _empty = fs::remove_file(path);
    }
    written
}

/// Fresh bytes from the operating system.
pub(crate) fn random_bytes() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// Makes a folder, if there is none, that only its owner can enter.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn parse_key(text: &str) -> Result<SigningKey, IdentityErrorKind> {
    let key = value_beside_version(text, "secret_key")?;
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    let secret: NodeId = key.parse().map_err(|_not_hex| {
        IdentityErrorKind::Malformed("secret_key is not 64 hexadecimal digits".to_owned())
    })?;
    Ok(SigningKey::from_bytes(secret.as_bytes()))
}

/// Replaces the file in one step, so that a crash leaves the old epoch or the new one.
///
/// Where that cannot be written (a full disk) an epoch by the calendar is good without it; why it is not
/// stored is returned beside it.
fn next_epoch(
    path: &Path,
    now: UnixTime,
) -> Result<(BootEpoch, Option<io::Error>), IdentityErrorKind> {
    let stored = match fs::read_to_string(path) {
        Ok(text) => parse_epoch(&text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error.into()),
    };
    let epoch = BootEpoch(stored.saturating_add(1).max(now.as_millis()));
    match store_epoch(path, epoch) {
        Ok(()) => Ok((epoch, None)),
        // The calendar is ahead of what is stored: the next start is above this one all the same.
        Err(error) if epoch.0 > stored.saturating_add(1) => Ok((epoch, Some(error))),
        Err(error) => Err(error.into()),
    }
}

/// Replaces what is stored in one step.
pub(crate) fn store_epoch(path: &Path, BootEpoch(boot_epoch): BootEpoch) -> io::Result<()> {
    let next = path.with_extension("epoch.next");
    let text = format!("version = {VERSION}\nboot_epoch = {boot_epoch}\n");
    File::create(&next)
        .and_then(|mut file| write_whole(&mut file, &next, &text))
        .and_then(|()| fs::rename(&next, path))
}

fn parse_epoch(text: &str) -> Result<u64, IdentityErrorKind> {
    let epoch = value_beside_version(text, "boot_epoch")?;
    let no_number = |_not| IdentityErrorKind::Malformed("boot_epoch is no number".to_owned());
    epoch.parse().map_err(no_number)
}

/// The value called `name` of a file that has nothing beside it but comments and a version, which this
/// program must know. These few lines are TOML, and no reason to have a parser of it in every program
/// that is a node.
fn value_beside_version<'a>(text: &'a str, name: &str) -> Result<&'a str, IdentityErrorKind> {
    let mut values: [(&str, Option<&'a str>); 2] = [("version", None), (name, None)];
    for (place, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let pair = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let value = pair.and_then(|(found, value)| {
            let free = values.iter_mut().find(|(name, held)| *name == found && held.is_none());
            free.map(|(_, held)| *held = Some(value))
        });
        if value.is_none() {
            let reason = format!("line {}: expected version = 1 or {name} = ..., once", place + 1);
            return Err(IdentityErrorKind::Malformed(reason));
        }
    }
    let [(_, version), (_, value)] = values;
    match version.and_then(|version| version.parse().ok()) {
        Some(VERSION) => {}
        Some(other) => return Err(IdentityErrorKind::Version(other)),
        None => return Err(IdentityErrorKind::Malformed("version is missing".to_owned())),
    }
    value.ok_or_else(|| IdentityErrorKind::Malformed(format!("{name} is missing")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_read_with_comments_and_spaces() {
        for text in ["version = 1\nboot_epoch = 7\n", "# mine\n\n  boot_epoch=7\r\nversion=1"] {
            assert_eq!(parse_epoch(text).expect(text), 7);
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        for (text, words) in [
            ("", "version is missing"),
            ("version = 1", "boot_epoch is missing"),
            ("version = 1\nboot_epoch = x", "boot_epoch is no number"),
            ("version = one\nboot_epoch = 7", "version is missing"),
            ("version = 2\nboot_epoch = 7", "version 2, this program reads version 1"),
            ("version = 1\nversion = 1", "line 2: expected version = 1 or boot_epoch = ..., once"),
            ("version = 1\nepoch = 7", "line 2: expected"),
        ] {
            assert!(parse_epoch(text).expect_err(text).to_string().contains(words), "{text}");
        }
    }
}
