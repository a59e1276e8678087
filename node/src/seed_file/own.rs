//! The entry of a seed node itself in a file that others read, and write (R3).
//!
//! An entry carries the identity of its node where readers skip it, so that a node finds its entries of
//! before: after a start elsewhere, and when it leaves. Entries without an identity are somebody's own, and stay.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;

use tidings_core::NodeId;

use super::{
    Columns, MAX_BYTES, SeedFileError, fields, is_toml, meaningful, parse, parse_line, patiently,
    read,
};
use crate::host_port::HostPort;

/// How long others may have the file locked, in steps of 20 ms: 10 s. Choice.
const LOCK_TRIES: u32 = 500;

/// What stands before the identity.
const MARK: &str = " # node ";

/// What became of a seed node's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Announced {
    /// The file was changed.
    pub is_new: bool,
    /// Seed nodes that it lists now.
    pub listed: usize,
}

/// Adds the seed node `node` at `addr` to the file unless it is in there, in the file's own form (R3). It takes
/// the place of older entries of that node, and of other nodes at that address. The file is locked meanwhile, so any
/// number of seed nodes may do this at once; it is made if there is none. On an error it is as it was.
pub fn announce(path: &Path, node: NodeId, addr: SocketAddr) -> Result<Announced, SeedFileError> {
    let own = HostPort::from(addr);
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    // Where nothing needs to be written, nothing has to be writable.
    if opened.is_err()
        && let Ok(listed) = read(path)
        && listed.contains(&own)
    {
        return Ok(Announced { is_new: false, listed: listed.len() });
    }
    change(path, opened, |text| {
        let is_old = |entry: &Entry| (entry.node == node) != (entry.place == own);
        let mut new = without(text, entries(path, text).into_iter().filter(is_old));
        if !parse(path, &new)?.contains(&own) {
            let gap = if new.is_empty() || new.ends_with('\n') { "" } else { "\n" };
            new = format!("{new}{gap}{}\n", entry_like(path, text, (node, addr)));
        }
        Ok(new)
    })
}

/// Takes the entries of a seed node out of the file, because it leaves. Where there is no file, there is nothing
/// to do. On an error it is as it was.
pub fn retract(path: &Path, node: NodeId) -> Result<Announced, SeedFileError> {
    if !path.exists() {
        return Ok(Announced { is_new: false, listed: 0 });
    }
    let opened = OpenOptions::new().read(true).write(true).open(path);
    // Where people list it in a file that is not its own, it has no entry to take out.
    if opened.is_err()
        && let Ok(text) = File::open(path).and_then(|file| super::read_text(&file))
        && entries(path, &text).iter().all(|entry| entry.node != node)
    {
        return Ok(Announced { is_new: false, listed: parse(path, &text)?.len() });
    }
    change(path, opened, |text| {
        Ok(without(text, entries(path, text).into_iter().filter(|entry| entry.node == node)))
    })
}

/// Replaces the file's text by what `make` makes of it, while no other node reads or writes it.
fn change(
    path: &Path,
    opened: io::Result<File>,
    make: impl FnOnce(&str) -> Result<String, SeedFileError>,
) -> Result<Announced, SeedFileError> {
    let io = |error| SeedFileError::Io { path: path.to_owned(), error };
    let mut file = opened.map_err(io)?;
    if !file.metadata().map_err(io)?.is_file() {
        let reason = "it is no regular file, so that nothing can be added to it";
        return Err(io(io::Error::new(io::ErrorKind::InvalidInput, reason)));
    }
    patiently(LOCK_TRIES, || file.try_lock()).map_err(io)?;
    let old = super::read_text(&file).map_err(io)?;
    parse(path, &old)?;
    let new = make(&old)?;
    // A file whose form does not take the entry stays as it is.
    let listed = parse(path, &new)?.len();
    let is_new = new != old;
    if is_new && u64::try_from(new.len()).is_ok_and(|bytes| bytes > MAX_BYTES) {
        return Err(io(super::too_long()));
    }
    if is_new {
        write_instead(&mut file, old.as_bytes(), new.as_bytes()).map_err(io)?;
    }
    Ok(Announced { is_new, listed })
}

/// Writes the part that differs, in the file itself: others have it open, may have it mounted or linked, and
/// it keeps its owner and rights. What goes is overwritten with empty lines before it is cut off, so whoever reads
/// without a lock, or after a crash, finds no half entry.
fn write_instead(file: &mut File, old: &[u8], new: &[u8]) -> io::Result<()> {
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let mut tail = new.get(same..).unwrap_or_default().to_vec();
    tail.resize(tail.len().max(old.len() - same), b'\n');
    let length = |text: &[u8]| u64::try_from(text.len()).unwrap_or(u64::MAX);
    let place = SeekFrom::Start(length(&old[..same]));
    let mut write = |text: &[u8], len: u64| {
        file.seek(place)?;
        file.write_all(text)?;
        file.set_len(len)?;
        file.sync_all()
    };
    write(&tail, length(new)).inspect_err(|_full| {
        // Half an entry, where the disk is full, would be a wrong line to all who read the file.
        let _still_full = write(&old[same..], length(old));
    })
}

/// An entry that a seed node wrote of itself.
struct Entry {
    node: NodeId,
    place: HostPort,
    /// Its bytes, with the end of its last line.
    span: Range<usize>,
}

/// The text without these entries, which are in its order.
fn without(text: &str, entries: impl Iterator<Item = Entry>) -> String {
    let mut rest = String::with_capacity(text.len());
    let mut from = 0;
    for Entry { span, .. } in entries {
        rest.push_str(text.get(from..span.start).unwrap_or_default());
        from = span.end;
    }
    rest + text.get(from..).unwrap_or_default()
}

/// The entries that seed nodes wrote, in the order of the file.
fn entries(path: &Path, text: &str) -> Vec<Entry> {
    let lines = spans(text);
    if is_toml(path) { of_tables(&lines) } else { of_lines(text, &lines) }
}

/// Every line with its end, and the bytes that it takes.
fn spans(text: &str) -> Vec<(&str, Range<usize>)> {
    let mut at = 0;
    let with_span = |line| {
        let start = at;
        at += str::len(line);
        (line, start..at)
    };
    text.split_inclusive('\n').map(with_span).collect()
}

fn of_lines(text: &str, lines: &[(&str, Range<usize>)]) -> Vec<Entry> {
    let columns = meaningful(text).next().and_then(|(_, line)| Columns::of_header(line));
    let entry = |(line, span): &(&str, Range<usize>)| {
        // Somebody has taken it out by hand.
        if line.trim_start_matches('\u{feff}').trim_start().starts_with('#') {
            return None;
        }
        let (said, node) = match columns.as_ref() {
            Some(Columns { node: Some(node), .. }) => (line.trim(), fields(line).nth(*node)?),
            _ => line.trim().split_once(MARK)?,
        };
        let place =
            columns.as_ref().map_or_else(|| parse_line(said), |columns| columns.parse(said));
        Some(Entry { node: node.trim().parse().ok()?, place: place.ok()?, span: span.clone() })
    };
    lines.iter().filter_map(entry).collect()
}

/// Tables as [`entry_like`] makes them. Who edits one makes it their own.
fn of_tables(lines: &[(&str, Range<usize>)]) -> Vec<Entry> {
    let entry = |table: &[(&str, Range<usize>)]| {
        let [(empty, first), (name, _), (host, _), (port, last)] = table else { return None };
        let node = name.trim_end().strip_prefix("[[seed]]")?.strip_prefix(MARK)?;
        let host = host.trim_end().strip_prefix("host = \"")?.strip_suffix('"')?;
        let port = port.trim_end().strip_prefix("port = ")?;
        let place = HostPort::parse_parts(host, port).ok().filter(|_| empty.trim().is_empty())?;
        Some(Entry { node: node.parse().ok()?, place, span: first.start..last.end })
    };
    lines.windows(4).filter_map(entry).collect()
}

/// An entry for a node in the form that the file has.
fn entry_like(path: &Path, text: &str, (node, addr): (NodeId, SocketAddr)) -> String {
    let (ip, port) = (addr.ip(), addr.port());
    if is_toml(path) {
        return format!("\n[[seed]]{MARK}{node:#}\nhost = \"{ip}\"\nport = {port}");
    }
    let first = meaningful(text).next().map_or("", |(_, line)| line);
    let entry = if let Some(columns) = Columns::of_header(first) {
        let mut values = vec![String::new(); columns.count];
        values[columns.host] = ip.to_string();
        values[columns.port] = port.to_string();
        if let Some(place) = columns.node {
            values[place] = format!("{node:#}");
            return values.join(",");
        }
        values.join(",")
    } else {
        match fields(first).count() {
            2 => format!("{ip},{port}"),
            3 => format!("seed-{port},{ip},{port}"),
            _ => addr.to_string(),
        }
    };
    format!("{entry}{MARK}{node:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId::new([7; 32]);
    const OTHER: NodeId = NodeId::new([8; 32]);
    const HEX: &str = "0707070707070707070707070707070707070707070707070707070707070707";

    fn addr(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn r03_an_entry_takes_the_form_of_its_file() {
        let own = addr("[2001:db8::7]:5001");
        for (name, text, entry) in [
            ("seeds", "", format!("[2001:db8::7]:5001 # node {HEX}")),
            ("seeds", "1.2.3.4:5000\n", format!("[2001:db8::7]:5001 # node {HEX}")),
            ("seeds.csv", "1.2.3.4,5000", format!("2001:db8::7,5001 # node {HEX}")),
            (
                "seeds.csv",
                "name,port,ip\na,5000,1.2.3.4",
                format!(",5001,2001:db8::7 # node {HEX}"),
            ),
            ("seeds.csv", "node,ip,port\na,1.2.3.4,5000", format!("{HEX},2001:db8::7,5001")),
            ("seeds.csv", "a,1.2.3.4,5000", format!("seed-5001,2001:db8::7,5001 # node {HEX}")),
            #[cfg(feature = "toml")]
            (
                "s.toml",
                "seeds = []",
                format!("\n[[seed]] # node {HEX}\nhost = \"2001:db8::7\"\nport = 5001"),
            ),
        ] {
            let written = entry_like(Path::new(name), text, (NODE, own));
            assert_eq!(written, entry);
            let both = format!("{text}\n{written}\n");
            let path = Path::new(name);
            assert!(parse(path, &both).expect("it reads what it wrote").contains(&own.into()));
            let found = entries(path, &both);
            assert_eq!(found.len(), 1, "{both}");
            assert_eq!((found[0].node, &found[0].place), (NODE, &own.into()));
            assert_eq!(without(&both, found.into_iter()), format!("{text}\n"));
        }
    }

    fn folder(name: &str) -> std::path::PathBuf {
        let folder =
            std::env::temp_dir().join(format!("tidings-own-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("made");
        folder
    }

    /// A node's newer entry replaces its older one, and that of whoever had the address before; what people wrote
    /// stays, and a node that leaves is gone.
    #[test]
    fn a_node_has_one_entry_and_takes_it_out() {
        let folder = folder("one-entry");
        let by_hand = format!(
            "# ours\n192.0.2.1:5000\n192.0.2.2:5000 # node of the boss\n# 192.0.2.9:1 # node {HEX}\n"
        );
        let by_hand = by_hand.as_str();
        for (name, by_hand) in [
            ("seeds.txt", by_hand),
            ("seeds.csv", "ip,port,node\n192.0.2.1,5000,\n192.0.2.2,5000,boss\n"),
            #[cfg(feature = "toml")]
            ("seeds.toml", "seeds = ['192.0.2.1:5000', '192.0.2.2:5000'] # node of the boss\n"),
        ] {
            let path = folder.join(name);
            std::fs::write(&path, by_hand).expect("written");
            let text = || std::fs::read_to_string(&path).expect("read");
            let others = || -> Vec<String> {
                let listed = read(&path).expect("right").into_iter();
                listed.filter(|it| !by_hand.contains(it.host())).map(|it| it.to_string()).collect()
            };
            let announced = |node, at: &str| announce(&path, node, addr(at)).expect("announced");
            assert!(announced(NODE, "192.0.2.77:50001").is_new);
            assert!(!announced(NODE, "192.0.2.77:50001").is_new);
            let written = text();
            assert!(announced(OTHER, "192.0.2.8:5000").is_new);
            assert_eq!(announced(NODE, "192.0.2.7:5000"), Announced { is_new: true, listed: 4 });
            assert_eq!(others(), ["192.0.2.8:5000", "192.0.2.7:5000"], "{}", text());
            assert!(announced(OTHER, "192.0.2.7:5000").is_new);
            assert_eq!(others(), ["192.0.2.7:5000"], "the address is the other's: {}", text());
            assert!(!announced(OTHER, "192.0.2.7:5000").is_new);
            assert!(!retract(&path, NODE).expect("nothing").is_new);
            assert_eq!(retract(&path, OTHER).expect("out"), Announced { is_new: true, listed: 2 });
            assert_eq!(text(), by_hand);
            assert!(!announced(NODE, "192.0.2.1:5000").is_new, "people have listed it");
            assert!(announced(NODE, "192.0.2.77:50001").is_new);
            assert_eq!(text(), written);
        }
        std::fs::remove_dir_all(folder).expect("removed");
    }

    /// A file that nobody could read any more is not made.
    #[test]
    fn a_full_file_takes_no_entry() {
        let folder = folder("full");
        let path = folder.join("seeds.txt");
        let bytes = usize::try_from(MAX_BYTES).expect("in memory") - 20;
        let text = format!("#{}\n", "x".repeat(bytes));
        std::fs::write(&path, &text).expect("written");
        let error = announce(&path, NODE, addr("192.0.2.7:5000")).expect_err("no room");
        let reason = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(reason.contains("longer than 1048576 bytes"), "{reason}");
        assert!(std::fs::read_to_string(&path).expect("read") == text, "it is as it was");
        std::fs::remove_dir_all(folder).expect("removed");
    }

    /// What is shorter than before leaves nothing behind, and the file stays the same one.
    #[test]
    fn a_file_is_changed_in_its_place() {
        let folder = folder("in-place");
        let path = folder.join("seeds.txt");
        std::fs::write(&path, "").expect("written");
        let inode =
            || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&path).expect("there"));
        let before = inode();
        announce(&path, NODE, addr("192.0.2.7:5000")).expect("announced");
        announce(&path, OTHER, addr("192.0.2.8:5000")).expect("announced");
        retract(&path, NODE).expect("out");
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text, format!("192.0.2.8:5000 # node {OTHER:#}\n"));
        assert_eq!(inode(), before);
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
