//! What the schedule does to a host: its lives, and when it stands still.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tidings_core::{Input, Room};

use super::{Host, Machine, NEVER};
use crate::event_world::packet::{HostFault, Packet};
use crate::event_world::reader::Reader;
use crate::event_world::shard_state::HostCtx;
use crate::history::End as LifeEnd;
use crate::scenario::Death;

impl Host {
    /// What the schedule does to this host.
    pub(super) fn host_fault(&mut self, at: u64, host_fault: HostFault, cx: &mut HostCtx<'_>) {
        match host_fault {
            HostFault::Start => self.start(at, cx),
            HostFault::Crash(death) => self.crash(at, death, cx),
            HostFault::Pause if self.machine == Machine::Running => self.machine = Machine::Paused,
            HostFault::Resume if self.machine == Machine::Paused => {
                self.machine = Machine::Running;
                self.clock = at;
                self.take_what_waited(at, cx);
            }
            HostFault::Suspend if self.machine == Machine::Running => {
                (self.machine, self.clock) = (Machine::Asleep, at);
            }
            HostFault::Wake if self.machine == Machine::Asleep => self.wake_up(at, cx),
            HostFault::Block if self.machine == Machine::Running => self.machine = Machine::Blocked,
            HostFault::Unblock if self.machine == Machine::Blocked => {
                self.machine = Machine::Running;
                let mut last = BTreeMap::new();
                for held in std::mem::take(&mut self.unsent) {
                    let last = last.entry(held.own).or_insert(Some(0));
                    self.release(at, held, last, cx);
                }
                self.take_what_waited(at, cx);
            }
            HostFault::StopReader => self.reader.stop(&cx.network.model.config.broadcast),
            HostFault::ResumeReader
                if matches!(self.machine, Machine::Paused | Machine::Asleep) =>
            {
                // The program is in the process that stands still.
                self.waiting.push_back((self.place, Packet::HostFault(host_fault)));
            }
            HostFault::ResumeReader => {
                if let Some(news) = self.reader.resume() {
                    self.handle(at, news, cx);
                }
            }
            HostFault::Pause
            | HostFault::Resume
            | HostFault::Suspend
            | HostFault::Wake
            | HostFault::Block
            | HostFault::Unblock => {}
        }
    }

    /// The machine wakes. The node's clock has not counted the sleep, but the calendar has.
    fn wake_up(&mut self, at: u64, cx: &mut HostCtx<'_>) {
        let slept = at - self.clock;
        self.machine = Machine::Running;
        self.born += slept;
        self.handle(at, Input::Slept { time: Duration::from_micros(slept) }, cx);
        self.take_what_waited(at, cx);
    }

    fn take_what_waited(&mut self, at: u64, cx: &mut HostCtx<'_>) {
        while let Some((origin, packet)) = self.waiting.pop_front() {
            self.take(at, origin, packet, cx);
        }
    }

    fn start(&mut self, at: u64, cx: &mut HostCtx<'_>) {
        let (number, life) = cx.state.begin_life(cx.network.host_id(self.place), at);
        self.machine = Machine::Running;
        self.life = Some(number);
        (self.born, self.clock, self.bytes_sent) = (at, at, 0);
        (self.chatter_due, self.said, self.reader) = (NEVER, 0, Reader::default());
        match cx.network.make_node(life, at, self.place) {
            Ok((node, mutant)) => (self.node, self.mutant) = (Some(node), mutant),
            Err(error) => cx.state.fail(format!("{}: {error}", life.host)),
        }
        self.perform(at, cx);
        if let Some(node) = &mut self.node {
            node.exchange_room(&mut Room::default());
        }
    }

    fn crash(&mut self, at: u64, death: Death, cx: &mut HostCtx<'_>) {
        // Whatever its network did to the process, the machine's own goodbye goes out.
        self.machine = Machine::Idle;
        if death == Death::Reset {
            for slot in self.ends.slots() {
                self.hang_up(at, slot, cx);
            }
        }
        self.end_life(at, LifeEnd::Crashed(death), cx);
        self.machine = if death == Death::Silent { Machine::Gone } else { Machine::Idle };
    }

    /// The process is no more.
    pub(super) fn end_life(&mut self, at: u64, end: LifeEnd, cx: &mut HostCtx<'_>) {
        if let Some(life) = self.life {
            cx.state.recorder.end_life(life, Duration::from_micros(at), end);
        }
        self.node = None;
        self.machine = Machine::Idle;
        (self.wake, self.chatter_due, self.ready_due) = (NEVER, NEVER, NEVER);
        (self.unsaid, self.paused) = (VecDeque::new(), Vec::new());
        self.waiting = VecDeque::new();
        self.unsent = Vec::new();
        self.ends.clear();
    }
}
