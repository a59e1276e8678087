//! A chat in a LAN: everybody runs a peer, the first one a seed node too.
//!
//! ```sh
//! cargo run -p tidings-node --example chat -- ann                    # prints where others can join
//! cargo run -p tidings-node --example chat -- bob 192.0.2.7:41234    # joins there
//! ```

#![expect(clippy::print_stdout, reason = "an example talks")]

use std::error::Error;

use tidings_node::{Delivery, HostPort, NodeBuilder, NodeEvent};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};
use tokio::select;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A line of the chat. What others say is escaped: a terminal obeys what is written to it.
fn line(message: &Delivery) -> String {
    let text = String::from_utf8_lossy(&message.payload);
    format!("{}: {}", message.topic.escape_debug(), text.escape_debug())
}

async fn chat(name: &str, place: Option<HostPort>) -> Result<()> {
    let mut builder = NodeBuilder::peer();
    // Kept until the end of the chat: dropping a node ends it.
    let mut own_seed_node = None;
    builder = if let Some(place) = place {
        builder.seed(place)
    } else {
        let seed_node = NodeBuilder::seed_node().start().await?;
        let addr = seed_node.addr();
        println!("others can join at {addr}");
        own_seed_node = Some(seed_node);
        builder.seed(addr)
    };
    let node = builder.start().await?;
    let mut events = node.events();
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        select! {
            biased;
            event = events.next() => match event {
                Some(NodeEvent::Delivered(message)) => println!("{}", line(&message)),
                Some(NodeEvent::NoSeedNode { reason, .. }) => println!("(no seed node: {reason})"),
                Some(NodeEvent::Lagged { missed }) => println!("({missed} messages were missed)"),
                Some(_) => {}
                None => break,
            },
            typed = lines.next_line() => match typed? {
                Some(text) => {
                    let sent = node.send_about(name, text).await?;
                    if sent.neighbors + sent.owed + sent.named == 0 {
                        println!("(nobody is here yet; it is kept for two minutes)");
                    }
                }
                None => break,
            },
        }
    }
    node.stop().await?;
    if let Some(seed_node) = own_seed_node {
        seed_node.stop().await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let name = args.next().ok_or("usage: chat NAME [HOST:PORT]")?;
    let place = args.next().map(|place| place.parse()).transpose()?;
    chat(&name, place).await
}
