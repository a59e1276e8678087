//! How names become addresses.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use crate::net::TokioNet;

/// An answer that is still to come.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Finds the addresses of hosts, for a program that has a registry of its own.
pub trait Resolver: fmt::Debug + Send + Sync {
    /// All addresses of this host, with this port or with another one where the registry says so. No answer
    /// within 5 s counts as a failure.
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a>;
}

/// The name service of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        Box::pin(TokioNet.look_up(host, port))
    }
}
