//! A node's log file: `seeds/PORT.log` or `peers/PORT.log` in the folder of logs, or where the
//! operator says.
//!
//! Its first line says that it is ours, so that `tidings logs clean` touches nothing else; it is
//! locked while its node runs. At 64 MiB it becomes `PORT.log.1` and a new one begins. Where somebody else
//! has moved, removed or cut it short, it is begun anew.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidings_core::Role;
use tokio::time::Instant;
use tracing::info;

use crate::lines::{Sink, Written, write_all};
use crate::options::{LogFormat, LogPlace};

/// Size at which a file is put aside.
const MAX_BYTES: u64 = 64 << 20;

/// How often it is looked at what others have done to the file, and tried to open one that cannot be.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const TEXT_HEADER: &str = "# tidings log, version 1";
const JSON_HEADER: &str = "{\"tidings_log\":1}";

/// A log file. It is opened on the thread that writes: opening may take for ever.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    header: &'static str,
    most: u64,
    open: Option<Open>,
    looked: Option<Instant>,
    /// Why it could not be opened when it was tried last.
    refused: Option<String>,
}

/// The file while it is open.
#[derive(Debug)]
struct Open {
    file: File,
    written: u64,
    /// Only those are cut, moved and counted.
    is_regular: bool,
}

/// The folder of a role's logs, below the folder of logs (R26).
pub(super) const fn subfolder(role: Role) -> &'static str {
    match role {
        Role::SeedNode => "seeds",
        Role::Peer => "peers",
    }
}

/// Whether a file was begun by this program: its first line says so.
pub(super) fn is_ours(file: &File) -> io::Result<bool> {
    let mut first = String::new();
    let longest = u64::try_from(TEXT_HEADER.len() + 1).unwrap_or(u64::MAX);
    match BufReader::new(file.take(longest)).read_line(&mut first) {
        Ok(_) => Ok([TEXT_HEADER, JSON_HEADER].contains(&first.trim_end_matches('\n'))),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
        Err(error) => Err(error),
    }
}

impl LogFile {
    /// The file of a node, to be written at its end. `None` when there shall be none.
    pub(super) fn of(place: &LogPlace, format: LogFormat, role: Role, port: u16) -> Option<Self> {
        let path = match place {
            LogPlace::Folder(folder) => folder.join(subfolder(role)).join(format!("{port}.log")),
            LogPlace::File(path) => path.clone(),
            LogPlace::None => return None,
        };
        let header = match format {
            LogFormat::Text => TEXT_HEADER,
            LogFormat::Json => JSON_HEADER,
        };
        Some(Self::new(path, header, MAX_BYTES))
    }

    fn new(path: PathBuf, header: &'static str, most: u64) -> Self {
        Self { path, header, most, open: None, looked: None, refused: None }
    }

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        format!("log file {}", self.path.display())
    }

    /// Opens the file, or says why that failed a moment ago. What is open stays until the new one is.
    fn open_anew(&mut self) -> io::Result<()> {
        let opened = open(&self.path, self.header);
        self.looked = Some(Instant::now());
        self.refused = opened.as_ref().err().map(ToString::to_string);
        self.open = Some(opened?);
        Ok(())
    }

    /// Opens it if it is not open, and anew if what lies at its path is another file. Returns what of that
    /// failed while the file that is open can still be written.
    fn look(&mut self) -> io::Result<Written> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            let refused = self.refused.as_ref().filter(|_| self.open.is_none());
            return refused
                .map_or(Ok(Written::Fine), |reason| Err(io::Error::other(reason.clone())));
        }
        self.looked = Some(Instant::now());
        let Some(open) = &self.open else { return self.open_anew().map(|()| Written::Fine) };
        let Some(what) = open.done_by_others(&self.path)? else {
            return Ok(Written::Fine);
        };
        match self.open_anew() {
            Ok(()) => {
                info!(output = self.name(), reason = what, "opened anew");
                Ok(Written::Fine)
            }
            Err(error) => Ok(Written::Beside(error)),
        }
    }

    fn put_aside(&mut self) -> io::Result<()> {
        let Some(open) = self.open.as_mut().filter(|open| open.is_regular) else { return Ok(()) };
        if open.written < self.most {
            return Ok(());
        }
        // Whatever fails below, the next try comes a whole file later.
        open.written = 0;
        let mut aside = self.path.clone().into_os_string();
        aside.push(".1");
        match fs::rename(&self.path, aside) {
            // Somebody removed it: a new one begins all the same.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.open_anew()
    }
}

impl Sink for LogFile {
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<Written> {
        let looked = self.look()?;
        let aside = self.put_aside();
        if let Some(open) = &mut self.open {
            open.write(lines, self.header)?;
        }
        Ok(aside.map_or_else(Written::Beside, |()| looked))
    }

    fn begin(&mut self) -> io::Result<()> {
        self.open_anew()
    }

    fn reopen(&mut self) -> io::Result<bool> {
        // The file that is open is locked: it cannot be opened once more, and need not be.
        let is_current = match &self.open {
            Some(open) => open.done_by_others(&self.path)?.is_none(),
            None => false,
        };
        if is_current { Ok(true) } else { self.open_anew().map(|()| true) }
    }
}

impl Open {
    /// What somebody else has done to the file, if it must be opened anew for that.
    fn done_by_others(&self, path: &Path) -> io::Result<Option<&'static str>> {
        if !self.is_regular {
            return Ok(None);
        }
        let mine = self.file.metadata()?;
        match fs::metadata(path) {
            Ok(there) if (there.dev(), there.ino()) == (mine.dev(), mine.ino()) => {}
            Ok(_) => return Ok(Some("another file has taken its place")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some("it was moved or removed"));
            }
            // What cannot be seen can still be written.
            Err(_hidden) => return Ok(None),
        }
        Ok(None)
    }

    /// Writes whole lines or nothing. A file that was cut short, maybe a moment ago, gets its first line again.
    fn write(&mut self, lines: &[u8], header: &str) -> io::Result<()> {
        if self.is_regular && self.written > 0 && self.file.metadata()?.len() == 0 {
            self.append(format!("{header}\n").as_bytes())?;
        }
        self.append(lines)
    }

    /// Half a line, where the disk is full, is taken back.
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let before = if self.is_regular { self.file.metadata()?.len() } else { 0 };
        write_all(&mut self.file, lines).map_err(|(written, error)| {
            if written > 0 && self.is_regular {
                // If that fails, too, half a line stays: there is no other place to put it.
                let _torn = self.file.set_len(before);
            }
            error
        })?;
        self.written = before + u64::try_from(lines.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

fn open(path: &Path, header: &str) -> io::Result<Open> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| {
            io::Error::new(error.kind(), format!("its folder cannot be made: {error}"))
        })?;
    }
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(io::Error::other("another process writes it; give another --log-file"));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let metadata = file.metadata()?;
    let is_regular = Metadata::is_file(&metadata);
    let mut open = Open { file, written: metadata.len(), is_regular };
    if is_regular && open.written == 0 {
        open.append(format!("{header}\n").as_bytes())?;
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tidings-{}-{name}", std::process::id()));
        let _none_yet = fs::remove_dir_all(&folder);
        folder.join("peers").join("5001.log")
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).expect("a file")
    }

    #[test]
    fn r26_a_log_file_says_that_it_is_ours_and_grows_from_start_to_start() {
        let path = fresh("grows");
        for line in ["one\n", "two\n"] {
            let mut log = LogFile::new(path.clone(), TEXT_HEADER, MAX_BYTES);
            log.write_lines(line.as_bytes()).expect("written");
        }
        assert_eq!(text(&path), format!("{TEXT_HEADER}\none\ntwo\n"));
        assert!(is_ours(&File::open(&path).expect("a file")).expect("read"));
    }

    #[test]
    fn r26_a_log_file_is_bounded() {
        let path = fresh("bounded");
        let mut log = LogFile::new(path.clone(), JSON_HEADER, 100);
        for _ in 0..50 {
            log.write_lines(b"a line of twenty by\n").expect("written");
        }
        let aside = path.with_extension("log.1");
        for file in [&path, &aside] {
            let text = text(file);
            assert!(text.len() < 200 && text.starts_with(JSON_HEADER), "{text}");
        }
    }

    #[test]
    fn what_others_do_to_the_file_is_noticed() {
        let path = fresh("others");
        let mut log = LogFile::new(path.clone(), TEXT_HEADER, MAX_BYTES);
        log.write_lines(b"one\n").expect("written");
        let mut next = |line: &str| {
            log.looked = None;
            log.write_lines(line.as_bytes()).expect("written");
            text(&path)
        };
        let (path, aside) = (path.clone(), path.with_extension("log.1"));
        fs::rename(&path, &aside).expect("moved");
        assert_eq!(next("two\n"), format!("{TEXT_HEADER}\ntwo\n"));
        assert_eq!(text(&aside), format!("{TEXT_HEADER}\none\n"));
        fs::rename(&path, &aside).expect("moved");
        File::create(&path).expect("made by somebody");
        assert_eq!(next("three\n"), format!("{TEXT_HEADER}\nthree\n"));
        File::create(&path).expect("cut short");
        assert_eq!(next("four\n"), format!("{TEXT_HEADER}\nfour\n"));
        File::create(&path).expect("cut short between two looks");
        log.write_lines(b"soon\n").expect("written");
        assert_eq!(text(&path), format!("{TEXT_HEADER}\nsoon\n"));
        let mut next = |line: &str| {
            log.looked = None;
            log.write_lines(line.as_bytes()).expect("written");
            text(&path)
        };
        fs::remove_dir_all(path.parent().expect("a folder")).expect("removed");
        assert_eq!(next("five\n"), format!("{TEXT_HEADER}\nfive\n"));
    }

    /// What was named as a log file and is none is written, and never moved away.
    #[test]
    fn a_device_is_left_where_it_is() {
        let mut log = LogFile::new("/dev/null".into(), TEXT_HEADER, 1);
        for _ in 0..3 {
            log.looked = None;
            log.write_lines(b"a line\n").expect("written");
        }
        let mut full = LogFile::new("/dev/full".into(), TEXT_HEADER, 1);
        assert!(full.write_lines(b"a line\n").is_err());
        for path in ["/dev/null", "/dev/full"] {
            assert!(!fs::metadata(path).expect("it is there").is_file());
        }
    }
}
