//! What a peer of the documented network says of itself (R12): `timestamp:IP:Msg#`, every 5 s once
//! it has a neighbor, 10 times in all.

use alloc::format;

use crate::context::Context;
use crate::messaging::Payload;
use crate::timers::Timer;

/// How much a peer has said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chatter {
    said: u32,
    started: bool,
}

impl Chatter {
    /// Starts with the first neighbor.
    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context) {
        if !self.started && cx.config.chatter.count > 0 {
            self.started = true;
            cx.arm(Timer::Chatter, cx.config.chatter.every);
        }
    }

    /// What to say now.
    pub(crate) fn on_chatter_timer(&mut self, cx: &mut Context) -> Payload {
        self.said += 1;
        if self.said < cx.config.chatter.count {
            cx.arm(Timer::Chatter, cx.config.chatter.every);
        }
        let ip = cx.record.primary().ip();
        let text = format!("{}:{ip}:{}", cx.unix().as_millis(), self.said);
        Payload::new(text.into_bytes()).expect("a time, an address and a number are short")
    }
}
