//! The command line, as typed.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tidings_core::Config;
use tidings_core::wire::NetworkName;

use tidings_node::settings::parse_duration;

/// A node of a Tidings gossip network.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) role: RoleCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// Run a seed node: it introduces peers to each other and carries no gossip.
    Seed(SeedArgs),
    /// Run a peer: it joins through seed nodes and gossips with other peers.
    Peer(PeerArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SeedArgs {
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    /// How many peers must report a node dead before this seed node looks at it (1 to 64).
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) confirmations: usize,
}

#[derive(Debug, Args)]
pub(crate) struct PeerArgs {
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    /// Seed nodes to join through, as IP:PORT; the peer registers with floor(n/2)+1 of the n.
    #[arg(long = "seed", value_name = "ADDR", required = true, num_args = 1..)]
    pub(crate) seeds: Vec<SocketAddr>,
    /// Links to open to other peers (1 to 64).
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) max_peers: usize,
    /// Links in all, opened by either side (at least --max-peers, at most 64).
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) max_links: usize,
    /// Time between two of the peer's own messages, like 5s.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    pub(crate) gossip_every: Duration,
    /// How many messages the peer says in all; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) gossip_count: u32,
    /// Time between two liveness checks of a neighbor, like 13s.
    #[arg(long, value_name = "DURATION", default_value = "13s", value_parser = parse_duration)]
    pub(crate) liveness_every: Duration,
    /// Missed answers in a row that make a neighbor dead (1 to 16).
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) misses: u8,
}

#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, value_name = "N")]
    pub(crate) port: u16,
    /// Address to announce to others, up to 4 times; the host's own unless given.
    #[arg(long, value_name = "IP")]
    pub(crate) ip: Vec<IpAddr>,
    /// Address to listen on; all of them, IPv4 and IPv6, unless given.
    #[arg(long, value_name = "IP")]
    pub(crate) listen: Option<IpAddr>,
    /// Name of the network; nodes of other networks are refused.
    #[arg(long, value_name = "NAME", default_value = "tidings", value_parser = parse_network)]
    pub(crate) network: NetworkName,
    /// Folder of the node's identity file, made on the first start; `$XDG_STATE_HOME/tidings` or
    /// `~/.local/state/tidings` unless given.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// What to log: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log: tracing::Level,
}

impl NodeArgs {
    /// Where to listen, best first.
    pub(crate) fn listen_candidates(&self) -> Vec<SocketAddr> {
        let ips = match self.listen {
            Some(ip) => vec![ip],
            None => vec![Ipv6Addr::UNSPECIFIED.into(), IpAddr::from([0, 0, 0, 0])],
        };
        ips.into_iter().map(|ip| SocketAddr::new(ip, self.port)).collect()
    }
}

impl SeedArgs {
    /// The settings as meant.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::classic();
        config.network = self.node.network.clone();
        config.registration.confirmations = self.confirmations;
        config
    }
}

impl PeerArgs {
    /// The settings as meant. A liveness interval shorter than the answer's time shortens that too.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::classic();
        config.network = self.node.network.clone();
        config.overlay.max_peers = self.max_peers;
        config.overlay.max_links = self.max_links;
        config.chatter.every = self.gossip_every;
        config.chatter.count = self.gossip_count;
        config.detector.misses = self.misses;
        config.detector.liveness_every = self.liveness_every;
        let answer = config.detector.answer_timeout;
        config.detector.answer_timeout = answer.min(self.liveness_every);
        config
    }
}

fn parse_network(name: &str) -> Result<NetworkName, String> {
    NetworkName::new(name).ok_or_else(|| format!("a name has 1 to {} bytes", NetworkName::MAX))
}
