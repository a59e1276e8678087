//! Three services with a cache each: whoever writes a key tells all others to forget it.
//!
//! ```sh
//! cargo run -p tidings-node --example cache_invalidation
//! ```

#![expect(clippy::print_stdout, reason = "an example talks")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use tidings_node::{Events, NodeBuilder, NodeEvent, RunningNode};
use tokio::time::timeout;

/// What invalidations are about, so that other uses of the network can tell them apart.
const TOPIC: &str = "invalidate";

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A service, its node, and what it has cached.
struct Service {
    node: RunningNode,
    events: Events,
    cache: BTreeMap<String, String>,
}

impl Service {
    async fn start(seed_node: &RunningNode) -> Result<Self> {
        let node = NodeBuilder::peer()
            .listen([127, 0, 0, 1])
            .seed(seed_node.addr())
            .configure(|config| config.overlay.isolated_retry = Duration::from_millis(100))
            .start()
            .await?;
        let cache = BTreeMap::from([("price".to_owned(), "10".to_owned())]);
        Ok(Self { events: node.events(), node, cache })
    }

    /// Writes a value and tells the others that theirs is old.
    async fn write(&mut self, key: &str, value: &str) -> Result<()> {
        self.cache.insert(key.to_owned(), value.to_owned());
        let sent = self.node.send_about(TOPIC, key.to_owned()).await?;
        println!("{} wrote {key} = {value}, told {} neighbors", self.node.id(), sent.neighbors);
        Ok(())
    }

    /// Takes in the next invalidation. A service that has missed some can trust nothing it holds.
    async fn next_invalidation(&mut self) {
        while let Some(event) = self.events.next().await {
            if let NodeEvent::Delivered(message) = event {
                if message.topic == TOPIC {
                    let key = String::from_utf8_lossy(&message.payload).into_owned();
                    self.cache.remove(&key);
                    println!("{} forgot {key:?} after {} hops", self.node.id(), message.hop.0);
                    return;
                }
            } else if let NodeEvent::Lagged { .. } = event {
                self.cache.clear();
            }
        }
    }
}

async fn run() -> Result<()> {
    let seed_node = NodeBuilder::seed_node().listen([127, 0, 0, 1]).start().await?;
    let mut services = Vec::new();
    for _ in 0..3 {
        services.push(Service::start(&seed_node).await?);
    }
    for service in &services {
        timeout(PATIENCE, service.node.joined()).await??;
    }
    services[0].write("price", "12").await?;
    for service in &mut services[1..] {
        timeout(PATIENCE, service.next_invalidation()).await?;
        assert!(!service.cache.contains_key("price"), "an old value is gone");
    }
    assert_eq!(services[0].cache["price"], "12");
    for service in services {
        service.node.stop().await?;
    }
    seed_node.stop().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    run().await
}

#[cfg(test)]
mod tests {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn it_runs() {
        super::run().await.expect("every cache forgets the key");
    }
}
