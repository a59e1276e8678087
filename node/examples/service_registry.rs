//! A tiny service registry without a server: every service says every now and then what it offers
//! and where, and forgets those it has not heard of for a while.
//!
//! ```sh
//! cargo run -p tidings-node --example service_registry
//! ```

#![expect(clippy::print_stdout, reason = "an example talks")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use tidings_node::{Events, NodeBuilder, NodeEvent, RunningNode};
use tokio::select;
use tokio::time::{Instant, interval, sleep_until, timeout};

/// What announcements are about.
const TOPIC: &str = "service";

/// How often a service announces itself.
const EVERY: Duration = Duration::from_millis(300);

/// Announcements missed until a service is forgotten.
const MISSED: u32 = 4;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

async fn start(seed_node: &RunningNode) -> Result<RunningNode> {
    let builder = NodeBuilder::peer().modern().listen([127, 0, 0, 1]).seed(seed_node.addr());
    let builder = builder.set("isolated_retry", "100ms")?;
    Ok(builder.start().await?)
}

/// Says for ever what a service offers.
async fn announce(node: &RunningNode, offer: &str) -> Result<Infallible> {
    let mut announcing = interval(EVERY);
    loop {
        announcing.tick().await;
        node.send_about(TOPIC, offer.to_owned()).await?;
    }
}

/// What is offered where, as one node has heard it.
struct Registry {
    events: Events,
    /// Until when each offer is believed.
    offers: BTreeMap<String, Instant>,
}

impl Registry {
    fn at(node: &RunningNode) -> Self {
        Self { events: node.events(), offers: BTreeMap::new() }
    }

    /// Keeps the offers up to date until there are so many.
    async fn follow_until(&mut self, count: usize) -> Result<()> {
        while self.offers.len() != count {
            let next_end = self.offers.values().min().copied();
            let next_end = next_end.unwrap_or_else(|| Instant::now() + EVERY);
            select! {
                biased;
                event = self.events.next() => match event {
                    Some(NodeEvent::Delivered(message)) if message.topic == TOPIC => {
                        let offer = String::from_utf8_lossy(&message.payload);
                        self.offers.insert(offer.into_owned(), Instant::now() + EVERY * MISSED);
                    }
                    Some(_) => {}
                    None => return Err("the node has stopped".into()),
                },
                () = sleep_until(next_end) => self.offers.retain(|_, end| *end > Instant::now()),
            }
        }
        println!("offered: {:?}", self.offers.keys().collect::<Vec<_>>());
        Ok(())
    }
}

async fn run() -> Result<()> {
    let seed_node = NodeBuilder::seed_node().modern().listen([127, 0, 0, 1]).start().await?;
    let (shop, mail, watcher) =
        (start(&seed_node).await?, start(&seed_node).await?, start(&seed_node).await?);
    let mut registry = Registry::at(&watcher);
    select! {
        biased;
        found = timeout(PATIENCE, registry.follow_until(2)) => found??,
        never = announce(&shop, "shop 127.0.0.1:8080") => match never? {},
        never = announce(&mail, "mail 127.0.0.1:25") => match never? {},
    }
    // The mail service goes; only the shop still announces itself.
    mail.stop().await?;
    select! {
        biased;
        left = timeout(PATIENCE, registry.follow_until(1)) => left??,
        never = announce(&shop, "shop 127.0.0.1:8080") => match never? {},
    }
    assert!(registry.offers.contains_key("shop 127.0.0.1:8080"));
    for node in [shop, watcher, seed_node] {
        node.stop().await?;
    }
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
        super::run().await.expect("services are found and forgotten");
    }
}
