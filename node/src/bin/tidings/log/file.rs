//! A node's log file: `seeds/PORT.log` or `peers/PORT.log` in the folder of logs, or where the
//! operator says.
//!
//! Its first line says that it is ours, so that `tidings logs clean` touches nothing else; it is
//! locked while its node runs. At 64 MiB it becomes `PORT.log.1` and a new one begins.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};

use tidings_core::Role;

use crate::options::{LogFormat, LogPlace};

/// Size at which a file is put aside.
const MAX_BYTES: u64 = 64 << 20;

const TEXT_HEADER: &str = "# tidings log, version 1";
const JSON_HEADER: &str = "{\"tidings_log\":1}";

/// An open log file.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    header: &'static str,
    file: File,
    written: u64,
    most: u64,
}

/// Opens the file of a node, to be written at its end. `None` when there shall be none.
pub(super) fn open(
    place: &LogPlace,
    format: LogFormat,
    role: Role,
    port: u16,
) -> io::Result<Option<LogFile>> {
    let path = match place {
        LogPlace::Folder(folder) => folder.join(subfolder(role)).join(format!("{port}.log")),
        LogPlace::File(path) => path.clone(),
        LogPlace::None => return Ok(None),
    };
    let header = match format {
        LogFormat::Text => TEXT_HEADER,
        LogFormat::Json => JSON_HEADER,
    };
    LogFile::open(path, header, MAX_BYTES).map(Some)
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
    fn open(path: PathBuf, header: &'static str, most: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let (file, written) = begin(&path, header)?;
        Ok(Self { path, header, file, written, most })
    }

    fn put_aside(&mut self) -> io::Result<()> {
        // Whatever fails below, the next try comes a whole file later.
        self.written = 0;
        let mut aside = self.path.clone().into_os_string();
        aside.push(".1");
        match fs::rename(&self.path, aside) {
            // Somebody removed it: a new one begins all the same.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        (self.file, self.written) = begin(&self.path, self.header)?;
        Ok(())
    }
}

fn begin(path: &Path, header: &str) -> io::Result<(File, u64)> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(io::Error::other("another process writes it; give another --log-file"));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut written = file.metadata()?.len();
    if written == 0 {
        let line = format!("{header}\n");
        file.write_all(line.as_bytes())?;
        written = u64::try_from(line.len()).unwrap_or(u64::MAX);
    }
    Ok((file, written))
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.written >= self.most {
            self.put_aside()?;
        }
        let written = self.file.write(line)?;
        self.written += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tidings-{}-{name}", std::process::id()));
        let _none_yet = fs::remove_dir_all(&folder);
        folder.join("peers").join("5001.log")
    }

    #[test]
    fn r26_a_log_file_says_that_it_is_ours_and_grows_from_start_to_start() {
        let path = fresh("grows");
        for line in ["one\n", "two\n"] {
            let mut log = LogFile::open(path.clone(), TEXT_HEADER, MAX_BYTES).expect("opened");
            log.write_all(line.as_bytes()).expect("written");
        }
        let text = fs::read_to_string(&path).expect("a file");
        assert_eq!(text, format!("{TEXT_HEADER}\none\ntwo\n"));
        assert!(is_ours(&File::open(&path).expect("a file")).expect("read"));
    }

    #[test]
    fn r26_a_log_file_is_bounded() {
        let path = fresh("bounded");
        let mut log = LogFile::open(path.clone(), JSON_HEADER, 100).expect("opened");
        for _ in 0..50 {
            log.write_all(b"a line of twenty by\n").expect("written");
        }
        let aside = path.with_extension("log.1");
        for file in [&path, &aside] {
            let text = fs::read_to_string(file).expect("a file");
            assert!(text.len() < 200 && text.starts_with(JSON_HEADER), "{text}");
        }
    }
}
