//! Which seed nodes a node knows: addresses and names given to it, and files. A name means all of
//! its addresses. Names and files are looked up again when a seed node cannot be reached, because
//! then they may have changed; sooner or later in any case; and soon while one of them cannot be.
//!
//! What cannot be looked up keeps what it gave before, and counts as one seed node if that was nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tidings_core::{
    Event, Instant, MAX_SEED_NODES, NamedSeedNodes, NeighborLoss, RegistrationLoss,
};
use tokio::select;
use tokio::sync::Notify;
use tokio::time::{self, sleep, timeout};

use crate::handle::{NodeHandle, Observer};
use crate::host_port::HostPort;
use crate::resolver::{Resolver, SystemResolver};
use crate::seed_file::{self, SeedFileError};
use crate::troubles::Troubles;

/// Shortest time between two look-ups.
const PAUSE: Duration = Duration::from_secs(5);

/// Time until what could not be looked up is looked up again. Where nothing could be, [`PAUSE`].
const RETRY: Duration = Duration::from_secs(30);

/// Time until all is looked up again although nothing is amiss: names get more addresses.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// How long the name service is waited for. Its own patience is often 10 s or more for each name.
const PATIENCE: Duration = Duration::from_secs(5);

/// Names that are looked up at once.
const AT_ONCE: usize = 16;

/// The same failure is told so often.
const TELL_AGAIN: Duration = Duration::from_mins(1);

/// What fails where it is all seed nodes together.
const ALL: &str = "seed nodes";

/// Where to look for seed nodes.
#[derive(Clone, Debug)]
pub(crate) struct SeedSources {
    pub(crate) given: Vec<HostPort>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) resolver: Arc<dyn Resolver>,
    /// Those that decide together must know all of them; a peer can do without some.
    pub(crate) needs_all: bool,
    /// The file that this node is going to be announced in, and its address there.
    pub(crate) own: Option<(PathBuf, HostPort)>,
}

impl Default for SeedSources {
    fn default() -> Self {
        let resolver = Arc::new(SystemResolver);
        Self { given: Vec::new(), files: Vec::new(), resolver, needs_all: false, own: None }
    }
}

/// Why no seed node is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedLookupError {
    /// A file of seed nodes is wrong.
    #[error(transparent)]
    File(#[from] SeedFileError),
    /// There is nothing to look up.
    #[error("no seed node is named{}", in_files(.0))]
    None(Vec<PathBuf>),
    /// More addresses than a seed node that decides with the others can keep.
    #[error("{0} addresses of seed nodes, at most {max} can be used", max = MAX_SEED_NODES)]
    TooMany(usize),
}

fn in_files(files: &[PathBuf]) -> String {
    if files.is_empty() {
        return String::new();
    }
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    format!(" in {}", names.join(", "))
}

/// A name or a file of seed nodes that could not be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookUpFailure {
    /// The name with its port, the file, or "seed nodes" where it is all of them together.
    pub what: String,
    /// Why.
    pub reason: String,
    /// How many addresses, or lines of the file, are kept from before.
    pub kept: usize,
    /// How often in a row.
    pub times: u64,
}

/// What the sources of a node gave when they were looked up last.
#[derive(Debug)]
pub(crate) struct SeedLookup {
    sources: SeedSources,
    /// Lines of files.
    read: BTreeMap<PathBuf, Vec<HostPort>>,
    found: BTreeMap<HostPort, Vec<SocketAddr>>,
    /// What fails now.
    failing: BTreeMap<String, Failing>,
    /// What the node was told last.
    known: NamedSeedNodes,
}

#[derive(Debug)]
struct Failing {
    failure: LookUpFailure,
    told: Option<time::Instant>,
    is_current: bool,
}

/// What becomes of the addresses that a name had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// They stay beside the new ones: a name service may give a few of many, each time others.
    Stays,
    /// They go, for a seed node was lost; but not those with which the node is registered.
    Goes,
}

impl SeedSources {
    /// Whether nothing was given to look up.
    pub(crate) const fn is_empty(&self) -> bool {
        self.given.is_empty() && self.files.is_empty()
    }

    /// Looks everything up for the first time. Files must be right; names need not be found.
    pub(crate) async fn look_up(self) -> Result<SeedLookup, SeedLookupError> {
        let mut lookup = SeedLookup {
            sources: self,
            read: BTreeMap::new(),
            found: BTreeMap::new(),
            failing: BTreeMap::new(),
            known: NamedSeedNodes::default(),
        };
        for (file, read) in lookup.read_files().await {
            let own = lookup.sources.own.as_ref().filter(|(path, _)| *path == file);
            let places = match (read, own) {
                (Ok(mut places), Some((_, own))) => {
                    places.push(own.clone());
                    places
                }
                // The first one makes it.
                (Err(SeedFileError::Io { error, .. }), Some((_, own)))
                    if error.kind() == io::ErrorKind::NotFound =>
                {
                    vec![own.clone()]
                }
                (read, _) => read?,
            };
            lookup.read.insert(file, places);
        }
        let places = lookup.places();
        if places.is_empty() {
            return Err(SeedLookupError::None(lookup.sources.files));
        }
        let registered = BTreeSet::new();
        lookup.find(&places, (Before::Goes, &registered)).await;
        lookup.known = lookup.named(&places, &registered);
        match lookup.known.len() {
            0..=MAX_SEED_NODES => Ok(lookup),
            count => Err(SeedLookupError::TooMany(count)),
        }
    }
}

impl SeedLookup {
    /// Nothing to look up, now or later.
    pub(crate) fn nothing() -> Self {
        Self {
            sources: SeedSources::default(),
            read: BTreeMap::new(),
            found: BTreeMap::new(),
            failing: BTreeMap::new(),
            known: NamedSeedNodes::default(),
        }
    }

    /// All seed nodes, as they were found last.
    pub(crate) const fn known(&self) -> &NamedSeedNodes {
        &self.known
    }

    /// Reads the files on a thread where a slow disk or a pipe holds up nobody.
    #[expect(clippy::disallowed_methods, reason = "files are of real nodes only")]
    async fn read_files(&self) -> Vec<(PathBuf, Result<Vec<HostPort>, SeedFileError>)> {
        let files = self.sources.files.clone();
        let read = move || -> Vec<_> {
            let read = |file: PathBuf| {
                let places = seed_file::read(&file);
                (file, places)
            };
            files.into_iter().map(read).collect()
        };
        // A runtime that shuts down reads nothing more.
        tokio::task::spawn_blocking(read).await.unwrap_or_else(|_ending| Vec::new())
    }

    /// All that is named, each once, in an order that does not depend on that of files.
    fn places(&self) -> Vec<HostPort> {
        let files = self.read.values().flatten();
        let mut places: Vec<HostPort> = self.sources.given.iter().chain(files).cloned().collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// All seed nodes. Where they are more than a peer can use, those that it is registered with come first, and then
    /// those that were not tried yet, so that sooner or later each is.
    fn named(&mut self, places: &[HostPort], registered: &BTreeSet<SocketAddr>) -> NamedSeedNodes {
        let hosts: Vec<_> =
            places.iter().map(|place| self.found.get(place).cloned().unwrap_or_default()).collect();
        let all = NamedSeedNodes::new(hosts.clone());
        if all.len() <= MAX_SEED_NODES || self.sources.needs_all {
            return all;
        }
        let tried: BTreeSet<SocketAddr> = self.known.addresses().collect();
        let mut addresses: Vec<SocketAddr> = all.addresses().collect();
        addresses.sort_by_key(|addr| (!registered.contains(addr), tried.contains(addr)));
        addresses.truncate(MAX_SEED_NODES);
        let reason = format!(
            "{} are named and {MAX_SEED_NODES} used: those that do not answer go first",
            all.len()
        );
        self.fail(ALL.to_owned(), reason, addresses.len());
        NamedSeedNodes::new(hosts.into_iter().filter_map(|mut host| {
            host.retain(|addr| addresses.contains(addr));
            (!host.is_empty()).then_some(host)
        }))
    }

    /// Looks these up. What is not found keeps what it had.
    async fn find(
        &mut self,
        places: &[HostPort],
        (before, registered): (Before, &BTreeSet<SocketAddr>),
    ) {
        let resolver = Arc::clone(&self.sources.resolver);
        let look_up = |place: HostPort| {
            let resolver = Arc::clone(&resolver);
            async move {
                let answer = look_up(&*resolver, &place).await;
                (place, answer)
            }
        };
        let mut answers = stream::iter(places.to_vec()).map(look_up).buffered(AT_ONCE);
        while let Some((place, answer)) = answers.next().await {
            match answer {
                Ok(addresses) => {
                    let old = self.found.entry(place).or_default();
                    if before == Before::Goes {
                        old.retain(|addr| registered.contains(addr));
                    }
                    old.extend(addresses);
                    old.sort_unstable();
                    old.dedup();
                }
                Err(error) => {
                    let kept = self.found.get(&place).map_or(0, Vec::len);
                    self.fail(place.to_string(), chain(&error), kept);
                }
            }
        }
        self.found.retain(|place, _| places.contains(place));
    }

    /// Whether looking again could give something else.
    fn can_change(&self) -> bool {
        let is_fixed = |place: &HostPort| place.literal().is_some();
        let has_more = self.failing.contains_key(ALL);
        has_more || !self.sources.files.is_empty() || !self.sources.given.iter().all(is_fixed)
    }

    /// Looks again when a seed node was lost, when something could not be looked up, and now and then, and
    /// gives the node what is new, until the node has stopped.
    pub(crate) async fn keep_fresh(
        mut self,
        node: NodeHandle,
        lost: &LostLinks,
        (told, troubles): (&dyn Observer, &Troubles),
    ) {
        if !self.can_change() {
            return;
        }
        self.tell_failures(told);
        self.failing.values().for_each(|_| troubles.count("look_ups_failed"));
        loop {
            let before = select! {
                biased;
                () = lost.seed_node_lost.notified() => {
                    sleep(PAUSE).await;
                    Before::Goes
                }
                () = sleep(self.wait()) => Before::Stays,
            };
            let named = self.look_again(before, &registered_now(&node).await).await;
            self.tell_failures(told);
            self.failing.values().for_each(|_| troubles.count("look_ups_failed"));
            let Some(named) = named else { continue };
            if node.set_named_seed_nodes(named).await.is_err() {
                return;
            }
        }
    }

    fn wait(&self) -> Duration {
        if self.failing.is_empty() {
            LOOK_AGAIN
        } else if self.known.addresses().next().is_none() {
            PAUSE
        } else {
            RETRY
        }
    }

    /// Looks everything up again. Returns all seed nodes if they are others than before.
    async fn look_again(
        &mut self,
        before: Before,
        registered: &BTreeSet<SocketAddr>,
    ) -> Option<NamedSeedNodes> {
        for failing in self.failing.values_mut() {
            failing.is_current = false;
        }
        for (file, read) in self.read_files().await {
            match read {
                Ok(places) => drop(self.read.insert(file, places)),
                Err(error) => {
                    let kept = self.read.get(&file).map_or(0, Vec::len);
                    self.fail(file.display().to_string(), chain(&error), kept);
                }
            }
        }
        let places = self.places();
        self.find(&places, (before, registered)).await;
        if self.found.values().flatten().count() > MAX_SEED_NODES && before == Before::Stays {
            self.find(&places, (Before::Goes, registered)).await;
        }
        let mut named = self.named(&places, registered);
        let refused = match named.len() {
            0 => Some(SeedLookupError::None(self.sources.files.clone())),
            1..=MAX_SEED_NODES => None,
            count => Some(SeedLookupError::TooMany(count)),
        };
        if let Some(error) = refused {
            let kept = self.known.addresses().count();
            self.fail(ALL.to_owned(), error.to_string(), kept);
            named = self.known.clone();
        }
        self.failing.retain(|_, failing| failing.is_current);
        let is_new = named != self.known;
        self.known = named;
        is_new.then(|| self.known.clone())
    }

    fn fail(&mut self, what: String, reason: String, kept: usize) {
        let times = self.failing.get(&what).map_or(0, |failing| failing.failure.times) + 1;
        let failure = LookUpFailure { what: what.clone(), reason, kept, times };
        let told = self.failing.get(&what).and_then(|failing| failing.told);
        self.failing.insert(what, Failing { failure, told, is_current: true });
    }

    /// Tells of each failure once in a while.
    fn tell_failures(&mut self, told: &dyn Observer) {
        let now = time::Instant::now();
        for failing in self.failing.values_mut() {
            let is_due = failing.told.is_none_or(|last| now.duration_since(last) >= TELL_AGAIN);
            if is_due {
                failing.told = Some(now);
                told.on_look_up_failure(&failing.failure);
            }
        }
    }
}

/// An error with all that it comes from.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(inner) = next {
        text = format!("{text}: {inner}");
        next = inner.source();
    }
    text
}

/// Every address of a place.
async fn look_up(resolver: &dyn Resolver, place: &HostPort) -> io::Result<Vec<SocketAddr>> {
    if let Some(addr) = place.literal() {
        return Ok(vec![addr]);
    }
    let answer = timeout(PATIENCE, resolver.look_up(place.host(), place.port())).await;
    let late = |_late| io::Error::new(io::ErrorKind::TimedOut, "the name service does not answer");
    let addresses = answer.map_err(late)??;
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
    }
    Ok(addresses)
}

/// Where the node is registered now. A node that has ended is nowhere.
async fn registered_now(node: &NodeHandle) -> BTreeSet<SocketAddr> {
    let known = node.report().await.map(|report| report.node.seed_nodes).unwrap_or_default();
    known.into_iter().filter(|it| it.registered.is_some()).map(|it| it.addr).collect()
}

/// Notes that links were lost.
#[derive(Debug, Default)]
pub(crate) struct LostLinks {
    seed_node_lost: Notify,
    /// To any node.
    pub(crate) link_lost: Notify,
}

impl LostLinks {
    /// Everything is looked up again soon.
    pub(crate) fn look_soon(&self) {
        self.seed_node_lost.notify_one();
    }
}

impl Observer for LostLinks {
    fn on_event(&self, _at: Instant, event: &Event) {
        // One that the node was told to do without is not lost.
        let is_dropped =
            matches!(event, Event::RegistrationLost { reason: RegistrationLoss::Dropped, .. });
        let is_lost = matches!(event, Event::RegistrationLost { .. } | Event::SeedNodeLost { .. });
        let is_seed_node = is_lost && !is_dropped;
        if is_seed_node {
            self.seed_node_lost.notify_one();
        }
        let is_unsaid = matches!(
            event,
            Event::NeighborDown { reason: NeighborLoss::LinkLost(_), .. }
                | Event::NobodyReached { .. }
        );
        if is_seed_node || is_unsaid {
            self.link_lost.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
