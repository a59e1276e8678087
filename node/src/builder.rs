//! From settings to a running node.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tidings_core::{
    AddressRecord, Birth, Config, ConfigError, DecisionMode, DetectorKind, Node, RecordError,
    RngSeed, Role,
};
use tokio::join;

use crate::addresses::{Own, PublicAddr, announced, keep_announced};
use crate::announcement::Announcement;
use crate::clock::unix_now;
use crate::driver::Driver;
use crate::handle::Observer;
use crate::host_port::HostPort;
use crate::identity::{Identity, IdentityError, random_bytes};
use crate::lives::Lives;
use crate::net::{Net, TokioNet};
use crate::resolver::Resolver;
use crate::running::RunningNode;
use crate::seed_file::SeedFileError;
use crate::seed_lookup::{LostLinks, SeedLookup, SeedLookupError, SeedSources};
use crate::settings::{self, Profile, SettingError};

/// What a node needs to be told before it starts. Everything has a default.
///
/// Settings start from a profile, or from a whole [`Config`], and are then changed in the order given;
/// which of these is called first does not matter.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use tidings_node::NodeBuilder;
///
/// let seed_node = NodeBuilder::seed_node().modern().listen([127, 0, 0, 1]).start().await?;
/// let peer = NodeBuilder::peer()
///     .modern()
///     .configure(|config| config.detector.swim.probe_every = Duration::from_secs(2))
///     .listen([127, 0, 0, 1])
///     .seed(seed_node.addr())
///     .start()
///     .await?;
/// peer.joined().await?;
/// peer.send("hello").await?;
/// peer.stop().await?;
/// seed_node.stop().await?;
/// # Ok(())
/// # }
/// ```
#[expect(missing_debug_implementations, reason = "observers have none")]
#[must_use = "nothing runs before start"]
pub struct NodeBuilder {
    role: Role,
    base: Config,
    changes: Vec<Change>,
    listen: Option<IpAddr>,
    port: u16,
    announce: Vec<PublicAddr>,
    data_dir: Option<PathBuf>,
    seeds: SeedSources,
    announce_in: Option<PathBuf>,
    force_epoch: bool,
    observer: Arc<dyn Observer>,
}

type Change = Box<dyn FnOnce(&mut Config) + Send>;

/// Why a node did not start. Nothing of it runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Settings do not fit together. The operator's fault.
    #[error("settings")]
    Config(#[from] ConfigError),
    /// The addresses to announce are none. The operator's fault.
    #[error("the addresses to announce")]
    Address(#[from] RecordError),
    /// The identity file cannot be used. The operator's fault.
    #[error("identity")]
    Identity(#[from] IdentityError),
    /// No seed node is known. The operator's fault, or the name service's.
    #[error("seed nodes")]
    Seeds(#[from] SeedLookupError),
    /// The file to be announced in cannot be used. The operator's fault.
    #[error("announcing this seed node")]
    Announce(#[from] SeedFileError),
    /// The address cannot be listened on. The operator's fault, mostly: it is taken.
    #[error("listening on {addr}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// The operating system gave no randomness. The machine's fault.
    #[error("randomness of the operating system")]
    Randomness(#[source] io::Error),
}

impl NodeBuilder {
    /// A peer: it joins through seed nodes and gossips. Needs [`seed`](Self::seed) or
    /// [`seed_file`](Self::seed_file).
    pub fn peer() -> Self {
        Self::new(Role::Peer)
    }

    /// A seed node: it introduces peers to each other and carries no gossip.
    pub fn seed_node() -> Self {
        Self::new(Role::SeedNode)
    }

    fn new(role: Role) -> Self {
        Self {
            role,
            base: Config::classic(),
            changes: Vec::new(),
            listen: None,
            port: 0,
            announce: Vec::new(),
            data_dir: None,
            seeds: SeedSources::default(),
            announce_in: None,
            force_epoch: false,
            observer: Arc::new(()),
        }
    }

    /// Starts from the settings of [`Config::classic`], as it does unless told otherwise.
    pub fn classic(self) -> Self {
        self.profile(Profile::Classic)
    }

    /// Starts from the settings of [`Config::modern`]. All nodes of a network should have the same
    /// profile.
    pub fn modern(self) -> Self {
        self.profile(Profile::Modern)
    }

    /// Starts from the settings of this profile.
    pub fn profile(self, profile: Profile) -> Self {
        self.config(profile.config())
    }

    /// Starts from these settings.
    pub fn config(mut self, config: Config) -> Self {
        self.base = config;
        self
    }

    /// Changes settings, after those that were changed before. Bounds are checked at the start.
    pub fn configure(mut self, change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Changes one setting by [its name](settings::SETTINGS), given as text, after those that were
    /// changed before. Bounds are checked at the start.
    pub fn set(self, name: &str, value: &str) -> Result<Self, SettingError> {
        // A name and a text that are wrong are told here, and never later.
        settings::set(&mut Config::classic(), name, value)?;
        let (name, value) = (name.to_owned(), value.to_owned());
        Ok(self.configure(move |config| {
            let _tried_above = settings::set(config, &name, &value);
        }))
    }

    /// The address to listen on; all of the host's, IPv4 and IPv6, unless given.
    pub fn listen(mut self, ip: impl Into<IpAddr>) -> Self {
        self.listen = Some(ip.into());
        self
    }

    /// The port to listen on; a free one unless given, or when it is 0.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// An address to tell others, up to four times; the host's own unless given (R30). With a
    /// [`SocketAddr`] its port is told too, else the one that the node listens on.
    pub fn announce(mut self, addr: impl Into<PublicAddr>) -> Self {
        self.announce.push(addr.into());
        self
    }

    /// The folder of the node's identity file, made on the first start. Without one the node is
    /// somebody new each time.
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// A seed node to join through, any number of times. A name means all of its addresses, and is
    /// looked up again when one of them cannot be reached. All names and files together may have 1
    /// to [`MAX_SEED_NODES`](tidings_core::MAX_SEED_NODES) addresses, or the start fails. A name that has
    /// none yet counts as one, and is looked up again.
    ///
    /// For a seed node: one of those that decide together where its settings say
    /// [`Quorum`](tidings_core::DecisionMode::Quorum). All of them must be named, by the addresses that
    /// they announce; itself may be.
    pub fn seed(mut self, place: impl Into<HostPort>) -> Self {
        self.seeds.given.push(place.into());
        self
    }

    /// A [file of seed nodes](crate::seed_file), any number of times. It is read again when one of them
    /// cannot be reached.
    pub fn seed_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.seeds.files.push(path.into());
        self
    }

    /// Looks up names of seed nodes in another way than by the operating system.
    pub fn resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.seeds.resolver = resolver;
        self
    }

    /// A [file of seed nodes](crate::seed_file) to which a seed node adds itself when it listens, and which it
    /// leaves when it leaves (R3).
    pub fn announce_in(mut self, path: impl Into<PathBuf>) -> Self {
        self.announce_in = Some(path.into());
        self
    }

    /// Lets the node begin a life above one that others know of it, however far ahead of this machine's
    /// calendar that is; at most a day unless this is given.
    pub fn force_epoch(mut self) -> Self {
        self.force_epoch = true;
        self
    }

    /// Sees every event of the node, on its own loop.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Starts the node. Must be called within a tokio runtime with its timer and its IO.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped leaves no node behind. Files that it wrote stay: an identity with a boot
    /// epoch used up, an entry in the file to be announced in.
    pub async fn start(self) -> Result<RunningNode, StartError> {
        let bound = self.bind().await?;
        bound.announce().await?;
        Ok(bound.run())
    }

    /// The first half of [`start`](Self::start): listens and makes the node, which then knows its
    /// address, but does nothing yet.
    ///
    /// # Cancel safety
    ///
    /// As [`start`](Self::start).
    pub async fn bind(mut self) -> Result<BoundNode, StartError> {
        let config = self.settings()?;
        let mut lookup = match self.role {
            Role::Peer => self.seeds.clone().look_up().await?,
            Role::SeedNode => SeedLookup::nothing(),
        };
        let mut notes = Vec::new();
        let listening = listen(self.listen, self.port, &mut notes).await;
        let listener = listening.map_err(|error| self.not_listening(error))?;
        let bound = listener.local_addr().map_err(|error| self.not_listening(error))?;
        let now = unix_now();
        let identity = match &self.data_dir {
            Some(folder) => {
                let name = format!("{}.identity", node_name(self.role, bound.port()));
                Identity::load_or_create(&folder.join(name), now)?
            }
            None => Identity::for_once(now).map_err(StartError::Randomness)?,
        };
        let addresses = announced(&self.announce, bound);
        let record = AddressRecord::new(identity.id(), identity.epoch(), &addresses)?;
        let rng_seed = RngSeed::new(random_bytes().map_err(StartError::Randomness)?);
        let birth = Birth { record: record.clone(), rng_seed, unix: now };
        let has_members = has_members(self.role, &config);
        let mut node = match self.role {
            Role::SeedNode => {
                if votes(&config) && !self.seeds.is_empty() {
                    self.seeds.needs_all = true;
                    let own = HostPort::from(record.primary());
                    self.seeds.own = self.announce_in.clone().map(|path| (path, own));
                    lookup = self.seeds.look_up().await?;
                } else if !self.seeds.is_empty() {
                    let what = "other seed nodes are not used: registration and removal are local";
                    notes.push(("seeds_unused", what.to_owned()));
                }
                Node::seed_node_among(config, birth, lookup.known())?
            }
            Role::Peer => Node::peer_among(config, birth, lookup.known())?,
        };
        if self.force_epoch {
            node.force_epoch();
        }
        let observer = self.observer;
        let announce_in = self.announce_in.filter(|_| self.role == Role::SeedNode);
        let is_guess = self.announce.is_empty() && self.listen.is_none_or(|ip| ip.is_unspecified());
        let announcement =
            announce_in.map(|path| Arc::new(Announcement::new(path, identity.id(), is_guess)));
        let announce = self.announce;
        let parts = Parts {
            announcement,
            listener,
            node,
            identity,
            lookup,
            announce,
            observer,
            has_members,
            notes,
        };
        Ok(BoundNode { record, bound, parts })
    }

    /// The settings with all changes, if they fit together.
    fn settings(&mut self) -> Result<Config, ConfigError> {
        let mut config = self.base.clone();
        for change in self.changes.drain(..) {
            change(&mut config);
        }
        config.check()?;
        Ok(config)
    }

    fn not_listening(&self, error: io::Error) -> StartError {
        let anywhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let addr = SocketAddr::new(self.listen.unwrap_or(anywhere), self.port);
        StartError::Listen { addr, error }
    }
}

/// Listens on the address given, or on all: through one IPv6 socket that takes IPv4 too, or on IPv4 alone
/// where there is no IPv6.
async fn listen(
    ip: Option<IpAddr>,
    port: u16,
    notes: &mut Vec<(&'static str, String)>,
) -> io::Result<<TokioNet as Net>::Listener> {
    if let Some(ip) = ip {
        return TokioNet.listen(SocketAddr::new(ip, port)).await;
    }
    let anywhere = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
    match TokioNet.listen(anywhere).await {
        Ok(listener) => return Ok(listener),
        Err(error) => notes.push(("no_ipv6", format!("listening on IPv4 alone: {error}"))),
    }
    TokioNet.listen(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port)).await
}

/// A node that listens and does nothing yet. Whoever dials it waits.
#[expect(missing_debug_implementations, reason = "observers have none")]
#[must_use = "nothing happens before run"]
pub struct BoundNode {
    record: AddressRecord,
    /// Where it listens.
    bound: SocketAddr,
    parts: Parts,
}

struct Parts {
    announcement: Option<Arc<Announcement>>,
    listener: <TokioNet as Net>::Listener,
    node: Node,
    identity: Identity,
    lookup: SeedLookup,
    announce: Vec<PublicAddr>,
    observer: Arc<dyn Observer>,
    has_members: bool,
    /// What is odd about the start: reasons to warn of.
    notes: Vec<(&'static str, String)>,
}

impl BoundNode {
    /// Who and where it is, and in which life.
    pub fn record(&self) -> &AddressRecord {
        &self.record
    }

    /// Why the node's boot epoch is not stored, where the disk did not take it.
    pub fn epoch_not_stored(&self) -> Option<&IdentityError> {
        self.parts.identity.not_stored()
    }

    /// The port that it listens on; others may know it by another one.
    pub const fn port(&self) -> u16 {
        self.bound.port()
    }

    /// Adds a seed node to the [file to be announced in](NodeBuilder::announce_in), if there is one: to be called when
    /// nothing else can keep the node from running. Where the host has no address yet but 127.0.0.1, nothing is
    /// written, with a warning, until it has one. What a full disk does not take is written later; a file that cannot
    /// be right is an error.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have added the entry or not: a thread does.
    pub async fn announce(&self) -> Result<(), StartError> {
        let Some(announcement) = &self.parts.announcement else { return Ok(()) };
        Ok(announcement.begin(self.record.primary()).await?)
    }

    /// Lets it begin.
    pub fn run(self) -> RunningNode {
        let Self { record, bound, parts } = self;
        let announced = record.addresses().to_vec();
        let Parts {
            announcement,
            listener,
            node,
            identity,
            lookup,
            announce,
            observer,
            has_members,
            notes,
        } = parts;
        let role = node.role();
        let lost = Arc::new(LostLinks::default());
        let lives = Arc::new(Lives::default());
        let watcher = Arc::new((Arc::clone(&observer), (Arc::clone(&lost), Arc::clone(&lives))));
        let (driver, handle) = Driver::new(TokioNet, vec![listener], node, watcher);
        if !has_members {
            driver.without_members();
        }
        if announcement.is_some() {
            // Others that began at the same time are in the file by then.
            lost.look_soon();
        }
        let troubles = driver.troubles();
        if identity.not_stored().is_some() {
            troubles.count("epoch_not_stored");
        }
        for (reason, text) in notes {
            troubles.note(reason, text);
        }
        let lookups = {
            let handle = handle.clone();
            let epoch_path = identity.epoch_path();
            let file = announcement.clone();
            async move {
                let own = Own { given: &announce, bound, announced, file: file.as_deref() };
                let moves = keep_announced(own, handle.clone(), (&lost, &troubles));
                let lookups = lookup.keep_fresh(handle, &lost, (&*observer, &troubles));
                let entry = async {
                    if let Some(file) = &file {
                        file.keep(&troubles).await;
                    }
                };
                join!(lookups, moves, lives.keep(epoch_path, &troubles), entry);
            }
        };
        let task = RunningNode::task(driver, lookups, (identity, announcement));
        RunningNode::new(record, role, handle, task)
    }
}

/// Whether the node keeps a table of members.
fn has_members(role: Role, config: &Config) -> bool {
    let detector = &config.detector;
    role == Role::Peer && detector.kind == DetectorKind::Swim && detector.swim.members_max > 0
}

/// Whether a seed node needs to know the others (R21, R22).
fn votes(config: &Config) -> bool {
    [config.registration.listing, config.registration.removal].contains(&DecisionMode::Quorum)
}

/// `seed-5000`, `peer-5001`: what the files of a node are named after, and people call it by.
pub fn node_name(role: Role, port: u16) -> String {
    match role {
        Role::SeedNode => format!("seed-{port}"),
        Role::Peer => format!("peer-{port}"),
    }
}
