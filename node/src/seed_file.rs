//! Files that list seed nodes (R2, R3): the only thing that differs between two deployments.
//!
//! ```text
//! 192.0.2.7:5000              lines of host:port
//! 192.0.2.7,5000              or of host,port, with or without a header
//! a,192.0.2.7,5000            or with a name before them
//! a = 192.0.2.7:5000          or a table of names
//! a 192.0.2.7 5000
//! ```
//!
//! A file whose name ends in `.toml` has the same in TOML, if this crate's feature `toml` is on: `seeds = ["192.0.2.7:5000"]`, a table
//! `[seeds]` of `a = "192.0.2.7:5000"`, `a = ["192.0.2.7", 5000]` or
//! `a = { host = "192.0.2.7", port = 5000 }`, and any number of `[[seed]]` with `host` and `port`.
//! Lines that are empty or begin with `#` mean nothing; a `#` after a space ends a line.
//!
//! Seed nodes that [announce] themselves in a file say behind their address which node they are, where all
//! of these forms skip it: `192.0.2.7:5000 # node 8f3a..`, or in a column `node` of the file's header.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::host_port::HostPort;

mod own;
#[cfg(feature = "toml")]
mod tables;

pub use own::{Announced, announce, retract};

/// Most bytes of a file that is read: room for ten thousand lines.
const MAX_BYTES: u64 = 1 << 20;

/// How long a reader waits for whoever writes, in steps: 1 s. Choice.
const READ_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Most wrong lines that one error shows.
const MAX_SHOWN: usize = 10;

/// A file of seed nodes that cannot be used. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedFileError {
    /// It cannot be read or written.
    #[error("{path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// It is in TOML, and this crate was built without its feature `toml`.
    #[error("{path}: TOML is not read without the cargo feature \"toml\"", path = path.display())]
    NoToml {
        /// The file.
        path: PathBuf,
    },
    /// Lines of it name no seed node.
    #[error("{wrong}", wrong = Listing(path, wrong))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Each of them.
        wrong: Vec<WrongLine>,
    },
}

/// A line that names no seed node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongLine {
    /// Its number, from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The seed nodes of a file, each once, in the file's order.
pub fn read(path: &Path) -> Result<Vec<HostPort>, SeedFileError> {
    let open = File::open(path).and_then(|file| {
        // Who writes has it locked for milliseconds. Where nothing can be locked, or for long, reading does no harm.
        let _unlocked = patiently(READ_TRIES, || file.try_lock_shared());
        read_text(&file)
    });
    let text = open.map_err(|error| SeedFileError::Io { path: path.to_owned(), error })?;
    parse(path, &text)
}

/// Tries to lock until others have done with the file, and not for ever.
#[expect(clippy::disallowed_methods, reason = "on a thread that may block, of real nodes only")]
fn patiently(tries: u32, lock: impl Fn() -> Result<(), TryLockError>) -> io::Result<()> {
    for _ in 0..tries {
        match lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    let reason = format!("another process has it locked for {} s", (LOCK_PAUSE * tries).as_secs());
    Err(io::Error::new(io::ErrorKind::TimedOut, reason))
}

fn read_text(file: &File) -> io::Result<String> {
    let mut text = String::new();
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read <= MAX_BYTES) {
        return Ok(text);
    }
    Err(too_long())
}

fn too_long() -> io::Error {
    let reason = format!("longer than {MAX_BYTES} bytes, which no list of seed nodes is");
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn parse(path: &Path, text: &str) -> Result<Vec<HostPort>, SeedFileError> {
    let entries = if is_toml(path) { toml_entries(path, text)? } else { line_entries(text) };
    let mut seed_nodes = Vec::new();
    let mut wrong = Vec::new();
    for entry in entries {
        match entry {
            Ok(seed_node) if seed_nodes.contains(&seed_node) => {}
            Ok(seed_node) => seed_nodes.push(seed_node),
            Err(line) => wrong.push(line),
        }
    }
    let path = path.to_owned();
    if wrong.is_empty() { Ok(seed_nodes) } else { Err(SeedFileError::Wrong { path, wrong }) }
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

type Entry = Result<HostPort, WrongLine>;

/// Lines that say something, numbered, without comments.
fn meaningful(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter_map(|(place, line)| {
        let line = line.trim_start_matches('\u{feff}');
        let said = line.split(" #").next().unwrap_or_default().trim();
        (!said.is_empty() && !said.starts_with('#')).then_some((place + 1, said))
    })
}

#[cfg(feature = "toml")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it cannot")]
fn toml_entries(_: &Path, text: &str) -> Result<Vec<Entry>, SeedFileError> {
    Ok(tables::entries(text))
}

#[cfg(not(feature = "toml"))]
fn toml_entries(path: &Path, _: &str) -> Result<Vec<Entry>, SeedFileError> {
    Err(SeedFileError::NoToml { path: path.to_owned() })
}

fn line_entries(text: &str) -> Vec<Entry> {
    let mut lines = meaningful(text).peekable();
    let columns = lines.peek().and_then(|(_, line)| Columns::of_header(line));
    if columns.is_some() {
        lines.next();
    }
    let columns = columns.as_ref();
    lines
        .map(|(line, text)| {
            let entry = columns.map_or_else(|| parse_line(text), |columns| columns.parse(text));
            entry.map_err(|reason| WrongLine { line, text: text.to_owned(), reason })
        })
        .collect()
}

/// Which fields of a CSV line hold the host, the port and the node, by its header.
struct Columns {
    host: usize,
    port: usize,
    node: Option<usize>,
    count: usize,
}

impl Columns {
    fn of_header(line: &str) -> Option<Self> {
        let names: Vec<String> = fields(line).map(str::to_ascii_lowercase).collect();
        let place_of = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&&**name));
        let host = place_of(&["host", "ip", "address", "addr", "hostname"])?;
        let node = place_of(&["node", "identity"]);
        Some(Self { host, port: place_of(&["port"])?, node, count: names.len() })
    }

    fn parse(&self, line: &str) -> Result<HostPort, String> {
        let values: Vec<&str> = fields(line).collect();
        match (values.get(self.host), values.get(self.port)) {
            (Some(host), Some(port)) if values.len() == self.count => {
                HostPort::parse_parts(host, port).map_err(|error| error.to_string())
            }
            _ => Err(format!("{} fields, the header has {}", values.len(), self.count)),
        }
    }
}

fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|field| field.trim().trim_matches('"'))
}

/// A line without a header: `host:port`, `host,port`, `name,host,port`, `name host port`,
/// `name = host:port` and mixtures of these.
fn parse_line(line: &str) -> Result<HostPort, String> {
    let place = line.split_once('=').map_or(line, |(_name, place)| place);
    let separators = |c: char| c == ',' || c.is_whitespace() || c == '(' || c == ')';
    let words: Vec<&str> = place.split(separators).filter(|word| !word.is_empty()).collect();
    let words: Vec<&str> = words.iter().map(|word| word.trim_matches(['"', '\''])).collect();
    let read = match words[..] {
        [place] => place.parse(),
        [_name, place] if place.parse::<HostPort>().is_ok() => place.parse(),
        [host, port] | [_, host, port] => HostPort::parse_parts(host, port),
        _ => return Err("expected HOST:PORT, HOST,PORT or NAME,HOST,PORT".to_owned()),
    };
    read.map_err(|error| error.to_string())
}

struct Listing<'a>(&'a Path, &'a [WrongLine]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, wrong) = self;
        for (place, WrongLine { line, text, reason }) in wrong.iter().take(MAX_SHOWN).enumerate() {
            let gap = if place == 0 { "" } else { "\n" };
            write!(f, "{gap}{}:{line}: {text:?}: {reason}", path.display())?;
        }
        match wrong.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n{}: {more} more lines are wrong", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, text: &str) -> Result<Vec<String>, String> {
        let seed_nodes = parse(Path::new(name), text).map_err(|error| error.to_string())?;
        Ok(seed_nodes.iter().map(ToString::to_string).collect())
    }

    /// R2: every form of the documents, and what people make of them.
    #[test]
    fn r02_every_form_is_read() {
        let wanted = Ok(vec!["192.0.2.7:5000".to_owned(), "[2001:db8::7]:5001".to_owned()]);
        for (name, text) in [
            ("config.txt", "# seeds\n192.0.2.7:5000\n\n[2001:db8::7]:5001  # the second\n"),
            ("config.csv", "192.0.2.7,5000\r\n2001:db8::7 , 5001\r\n"),
            ("config.csv", "ip,port\n192.0.2.7,5000\n\"2001:db8::7\",5001\n192.0.2.7,5000\n"),
            ("config.csv", "\u{feff}Port,Name,Host\n5000,a,192.0.2.7\n5001,b,2001:db8::7\n"),
            ("config.csv", "a,192.0.2.7,5000\nb,2001:db8::7,5001"),
            ("seeds", "a = 192.0.2.7:5000\nb = (\"2001:db8::7\", 5001)\n"),
            ("seeds", "a 192.0.2.7 5000\nb [2001:db8::7]:5001\n"),
            #[cfg(feature = "toml")]
            ("seeds.toml", "seeds = ['192.0.2.7:5000', { host = '2001:db8::7', port = 5001 }]"),
            #[cfg(feature = "toml")]
            ("seeds.toml", "[seeds]\na = ['192.0.2.7', 5000]\nb = '[2001:db8::7]:5001'"),
            #[cfg(feature = "toml")]
            ("s.toml", "seeds = ['192.0.2.7:5000']\n[[seed]]\nip = '2001:db8::7'\nport = 5001"),
        ] {
            let mut read = listed(name, text);
            if let Ok(read) = &mut read {
                read.sort_unstable();
            }
            assert_eq!(read, wanted, "{name}: {text}");
        }
        assert_eq!(listed("seeds", "# none yet\n"), Ok(vec![]));
    }

    #[test]
    fn r02_wrong_lines_are_shown_with_their_reasons() {
        for (name, text, error) in [
            (
                "seeds",
                "192.0.2.7:5000\n192.0.2.7\n192.0.2.7:x\n",
                "seeds:2: \"192.0.2.7\": expected HOST:PORT, like 192.0.2.7:5000, \
                 [2001:db8::7]:5000 or seed.example.org:5000\n\
                 seeds:3: \"192.0.2.7:x\": \"x\" is no port: a port is a number from 1 to 65535",
            ),
            ("a.csv", "ip,port\n1.2.3.4\n", "a.csv:2: \"1.2.3.4\": 1 fields, the header has 2"),
            #[cfg(feature = "toml")]
            (
                "a.toml",
                "seeds = [\n  5000,\n]",
                "a.toml:2: \"  5000,\": expected \"HOST:PORT\", [\"HOST\", PORT] or \
                 { host = \"HOST\", port = PORT }",
            ),
            #[cfg(feature = "toml")]
            (
                "a.toml",
                "nodes = []",
                "a.toml:1: \"nodes = []\": expected seeds = [...], [seeds] or [[seed]]",
            ),
        ] {
            assert_eq!(listed(name, text), Err(error.to_owned()));
        }
        let many = "x\n".repeat(30);
        let error = listed("seeds", &many).expect_err("thirty wrong lines");
        assert_eq!(error.lines().count(), MAX_SHOWN + 1);
        assert!(error.ends_with("seeds: 20 more lines are wrong"), "{error}");
    }

    #[cfg(not(feature = "toml"))]
    #[test]
    fn without_its_feature_toml_is_refused_and_not_taken_for_lines() {
        let error = listed("seeds.toml", "seeds = []").expect_err("it is not read");
        assert_eq!(error, "seeds.toml: TOML is not read without the cargo feature \"toml\"");
    }
}
