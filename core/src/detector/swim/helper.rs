//! Probes for others (ping-req, SWIM §3.1), on the side of the helper.
//!
//! ```text
//! requester                            helper                       subject
//!   Hello { PingRequest }     ──▶
//!                             ◀──  Welcome
//!   PingRequest { wait_ms }   ──▶  Ping, or Hello { Probe }  ──▶
//!                             ◀──  PingRequestAnswer, heard  ◀──  Pong, Welcome or Refuse
//!                             ◀──  PingRequestAnswer, nothing   at 80 % of the requester's wait
//! ```

use alloc::vec::Vec;
use core::time::Duration;

use crate::context::Context;
use crate::detector::swim::timer::SwimTimer;
use crate::id::{LinkId, NodeId};
use crate::util::room::{make_room, release_if_empty};
use crate::wire::{Bye, SwimMessage};

/// What others have asked of this peer, at most `max_links` at once and one per link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    open: Vec<Request>,
    /// How many there ever were.
    taken: u32,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    /// What [`SwimTimer::Request`] calls it.
    number: u32,
    requester: LinkId,
    subject: NodeId,
    /// The neighbor's link, or a dial.
    via: LinkId,
    /// The requester was told that nothing was heard; it may still be told otherwise.
    is_nacked: bool,
}

impl Requests {
    /// Whether there is room for a request on this link.
    pub(crate) fn has_room(&self, cx: &mut Context, requester: LinkId) -> bool {
        let is_double = self.open.iter().any(|open| open.requester == requester);
        let has_room = self.open.len() < cx.config.overlay.max_links && !is_double;
        cx.stats.limits.requests += u64::from(!has_room);
        has_room
    }

    /// Notes a request whose probe went out on `via`, and whose requester waits so long.
    pub(crate) fn note(
        &mut self,
        cx: &mut Context,
        requester: LinkId,
        subject: NodeId,
        via: LinkId,
        wait: Duration,
    ) {
        let number = self.taken;
        self.taken = number.wrapping_add(1);
        make_room(&mut self.open);
        self.open.push(Request { number, requester, subject, via, is_nacked: false });
        // Lifeguard §IV-A: the nack leaves at 80 % of the time for which the requester waits, so that it
        // comes in time.
        let wait = wait.min(cx.config.detector.swim.probe_timeout);
        cx.arm(SwimTimer::Request(number), wait * 4 / 5);
    }

    /// Whether `via` was dialed to probe this one.
    pub(crate) fn is_of(&self, via: LinkId, subject: NodeId) -> bool {
        self.open.iter().any(|open| open.via == via && open.subject == subject)
    }

    /// The subject answered on `via`.
    pub(crate) fn on_heard(&mut self, cx: &mut Context, via: LinkId) {
        for open in self.open.iter().filter(|open| open.via == via) {
            open.answer(cx, true);
            cx.timers.cancel(SwimTimer::Request(open.number));
        }
        self.open.retain(|open| open.via != via);
        release_if_empty(&mut self.open);
    }

    /// There is no way to the subject on `via`.
    pub(crate) fn on_failed(&mut self, cx: &mut Context, via: LinkId) {
        for open in self.open.iter().filter(|open| open.via == via) {
            cx.timers.cancel(SwimTimer::Request(open.number));
            if !open.is_nacked {
                open.answer(cx, false);
            }
        }
        self.open.retain(|open| open.via != via);
        release_if_empty(&mut self.open);
    }

    /// This machine could not dial the subject. Whoever asked is sent away without a nack.
    pub(crate) fn on_not_tried(&mut self, cx: &mut Context, via: LinkId) {
        for open in self.open.iter().filter(|open| open.via == via) {
            cx.timers.cancel(SwimTimer::Request(open.number));
            cx.close(open.requester, Bye::Done);
        }
        self.open.retain(|open| open.via != via);
        release_if_empty(&mut self.open);
    }

    /// Nothing was heard until now.
    pub(crate) fn on_timer(&mut self, cx: &mut Context, number: u32) {
        if let Some(open) = self.open.iter_mut().find(|open| open.number == number) {
            open.is_nacked = true;
            open.answer(cx, false);
        }
    }

    /// The requester is gone.
    pub(crate) fn on_ended(&mut self, cx: &mut Context, requester: LinkId) {
        for open in self.open.iter().filter(|open| open.requester == requester) {
            cx.timers.cancel(SwimTimer::Request(open.number));
        }
        self.open.retain(|open| open.requester != requester);
        release_if_empty(&mut self.open);
    }
}

impl Request {
    fn answer(&self, cx: &mut Context, is_heard: bool) {
        let subject = self.subject;
        cx.send(self.requester, SwimMessage::PingRequestAnswer { subject, is_heard });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::io::Output;
    use crate::testing::context;
    use crate::wire::Message;

    fn answers(cx: &mut Context) -> Vec<bool> {
        let answer = |output| match output {
            Output::Send {
                message: Message::Swim(SwimMessage::PingRequestAnswer { is_heard, .. }),
                ..
            } => Some(is_heard),
            Output::Dial { .. }
            | Output::Send { .. }
            | Output::AwaitReady { .. }
            | Output::AwaitIdle { .. }
            | Output::Reset { .. }
            | Output::Close { .. }
            | Output::Event(_) => None,
        };
        core::iter::from_fn(|| cx.poll_output()).filter_map(answer).collect()
    }

    #[test]
    fn a_request_is_nacked_in_time_and_may_be_answered_after_that() {
        let mut cx = context(Config::modern());
        let (mut requests, via) = (Requests::default(), LinkId::dialed(1));
        let (requester, subject) = (LinkId::accepted(1), NodeId::new([7; 32]));
        requests.note(&mut cx, requester, subject, via, Duration::from_secs(1));
        assert_eq!(cx.timers.next().expect("armed").at.since_birth().as_millis(), 400);
        requests.on_timer(&mut cx, 0);
        requests.on_heard(&mut cx, via);
        requests.on_heard(&mut cx, via);
        assert_eq!(answers(&mut cx), [false, true]);
    }

    #[test]
    fn a_failed_probe_is_nacked_once() {
        let mut cx = context(Config::modern());
        let (mut requests, via) = (Requests::default(), LinkId::dialed(1));
        requests.note(
            &mut cx,
            LinkId::accepted(1),
            NodeId::new([7; 32]),
            via,
            Duration::from_secs(1),
        );
        requests.on_failed(&mut cx, via);
        requests.on_failed(&mut cx, via);
        assert_eq!(answers(&mut cx), [false]);
        assert_eq!(cx.timers.next(), None);
    }

    #[test]
    fn requests_are_bounded_in_all_and_per_link() {
        let mut cx = context(Config::modern());
        let mut requests = Requests::default();
        for n in 0..100 {
            let requester = LinkId::accepted(n);
            if requests.has_room(&mut cx, requester) {
                let (subject, via) = (NodeId::new([7; 32]), LinkId::dialed(n));
                requests.note(&mut cx, requester, subject, via, Duration::from_secs(1));
                assert!(!requests.has_room(&mut cx, requester));
            }
        }
        assert_eq!(requests.open.len(), cx.config.overlay.max_links);
        assert_eq!(cx.stats.limits.requests, 100);
        (0..100).for_each(|n| requests.on_ended(&mut cx, LinkId::accepted(n)));
        assert!(requests.open.is_empty() && cx.timers.next().is_none());
    }
}
