//! One host: a machine, its process with the protocol's node, and its ends of connections.
//!
//! What a machine does with what reaches it depends on its state alone, see [`Host::take`]; what
//! happens to a packet between two machines is in [`super::network`].

mod faults;

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

use tidings_core::wire::{self, Message, PREAMBLE_LEN};
use tidings_core::{
    Command, DialFailure, Event, Input, Instant, LinkId, LinkLoss, Node, Output, READY, Topic,
    UnixTime,
};
use tidings_node::chatter::Chatter;

use super::ends::{End, Ends, Far, Stage};
use super::mutant::Mutant;
use super::network::{PacketFate, Route, address, bytes};
use super::packet::{EndRef, Packet};
use super::reader::Reader;
use super::shard_state::{Held, HostCtx, ShardState};
use super::tracer::Disposition;
use crate::history::End as LifeEnd;
use crate::host::CALENDAR;
use crate::latency::{HostIndex, micros};
use crate::recorder::{LifeNumber, Recorder};

/// No wake is under way.
const NEVER: u64 = u64::MAX;

/// A host and all that is its own.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) place: HostIndex,
    machine: Machine,
    life: Option<LifeNumber>,
    node: Option<Node>,
    /// The bug planted in this life.
    mutant: Option<Box<dyn Mutant>>,
    /// When the node was born.
    born: u64,
    /// When it says something of its own, and how often it has.
    chatter_due: u64,
    said: u32,
    /// When it was told something last, or its process went on. It is told nothing about earlier.
    clock: u64,
    /// The wake that is under way.
    wake: u64,
    /// Packets it sent, and latencies drawn for them.
    sent: u32,
    /// When its uplink is free again.
    uplink_free: u64,
    pub(super) bytes_sent: u64,
    ends: Ends,
    /// What reached the process while it or its network stood still.
    waiting: VecDeque<(HostIndex, Packet)>,
    /// What the process sent while its network stood still.
    unsent: Vec<Held>,
    /// What it is to say when its node takes it.
    unsaid: VecDeque<Command>,
    /// Links whose node waits until little waits for them, and when to look again.
    paused: Vec<Paused>,
    ready_due: u64,
    reader: Reader,
}

/// A link that takes no payloads for now.
#[derive(Clone, Copy, Debug)]
struct Paused {
    link: LinkId,
    /// Something of what waits has left since.
    moved: u64,
    until: Until,
}

/// When a node is to hear of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// Little waits.
    Ready,
    /// Nothing waits.
    Idle,
}

/// What state a machine is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Machine {
    /// The process runs.
    Running,
    /// The process stands still; the machine accepts connections for it.
    Paused,
    /// The machine sleeps: nothing of it goes on, its clock neither.
    Asleep,
    /// The process runs; what it sends and receives waits.
    Blocked,
    /// No process: dials are refused.
    Idle,
    /// The machine is gone: nothing answers.
    Gone,
}

impl Host {
    pub(super) fn new(place: HostIndex) -> Self {
        Self {
            place,
            machine: Machine::Idle,
            life: None,
            node: None,
            mutant: None,
            born: 0,
            chatter_due: NEVER,
            said: 0,
            clock: 0,
            wake: NEVER,
            sent: 0,
            uplink_free: 0,
            bytes_sent: 0,
            ends: Ends::default(),
            waiting: VecDeque::new(),
            unsent: Vec::new(),
            unsaid: VecDeque::new(),
            paused: Vec::new(),
            ready_due: NEVER,
            reader: Reader::default(),
        }
    }

    /// The node, if its process could answer a question now.
    pub(super) fn answering(&self) -> Option<(LifeNumber, &Node)> {
        self.life.zip(self.node.as_ref()).filter(|_| self.is_running())
    }

    /// Whether the process runs, heard or not.
    fn is_running(&self) -> bool {
        matches!(self.machine, Machine::Running | Machine::Blocked)
    }

    /// Reads a field of nearly every line of memory that the host itself takes.
    pub(super) fn touch(&self) {
        let Self { clock, sent, bytes_sent, waiting, .. } = self;
        black_box(clock ^ u64::from(*sent) ^ bytes_sent);
        black_box(waiting.is_empty() || self.life.is_some());
    }

    /// Reads a part of what the host points at.
    pub(super) fn touch_rooms(&self, recorder: &Recorder) {
        self.ends.touch();
        if let Some(node) = &self.node {
            node.touch();
        }
        black_box(self.life.map(|life| recorder.life(life)));
    }

    /// Wakes the node for what is due before `until`.
    pub(super) fn wake_before(&mut self, until: u64, cx: &mut HostCtx<'_>) {
        // What fell due while the process stood still comes late.
        while let Some(due) = self.due().map(|due| due.max(self.clock)).filter(|it| *it < until) {
            if self.ready_due <= due {
                self.look_at_paused(due, cx);
            } else if self.reader.due() <= due {
                if let Some(news) = self.reader.look(due) {
                    self.handle(due, news, cx);
                }
            } else if self.chatter_due <= due {
                let chatter = self.chatter(due, cx);
                self.say(due, chatter, cx);
            } else {
                self.handle(due, Input::Wake, cx);
            }
        }
    }

    /// The wake that was asked for is here; the next one has to be asked for again.
    pub(super) fn wake_has_come(&mut self, at: u64) {
        if self.wake == at {
            self.wake = NEVER;
        }
    }

    /// Asks to be woken, unless a wake that is early enough is under way.
    pub(super) fn ask_for_wake(&mut self, state: &mut ShardState) {
        if let Some(due) = self.due().filter(|due| *due < self.wake) {
            self.wake = due;
            state.wake(self.place, due);
        }
    }

    fn due(&self) -> Option<u64> {
        let node = self.node.as_ref().filter(|_| self.is_running())?;
        let deadline = node
            .poll_timeout()
            .map_or(NEVER, |deadline| self.born.saturating_add(deadline.at.as_micros()));
        let due = deadline.min(self.chatter_due).min(self.ready_due).min(self.reader.due());
        Some(due).filter(|due| *due != NEVER)
    }

    /// What it says of its own now.
    fn chatter(&mut self, at: u64, cx: &HostCtx<'_>) -> Command {
        let Chatter { every, count } = cx.network.model.chatter;
        self.said += 1;
        self.chatter_due = if self.said < count { at + micros(every) } else { NEVER };
        let unix = UnixTime::from_millis(0) + CALENDAR + Duration::from_micros(at);
        let payload = Chatter::message(unix, address(self.place).ip(), self.said);
        Command::Broadcast { topic: Topic::default(), payload }
    }

    /// Says something when the node takes it; other commands need not wait.
    fn say(&mut self, at: u64, command: Command, cx: &mut HostCtx<'_>) {
        let is_taken = self.node.as_ref().is_none_or(Node::takes_broadcasts);
        if is_taken && self.unsaid.is_empty() || !matches!(command, Command::Broadcast { .. }) {
            self.handle(at, Input::Command(command), cx);
        } else {
            self.unsaid.push_back(command);
        }
    }

    /// Takes what arrives, as the state of the machine wants it.
    pub(super) fn take(
        &mut self,
        at: u64,
        origin: HostIndex,
        packet: Packet,
        cx: &mut HostCtx<'_>,
    ) {
        match (self.machine, packet) {
            (_, Packet::HostFault(host_fault)) => self.host_fault(at, host_fault, cx),
            (Machine::Asleep, packet) => self.waiting.push_back((origin, packet)),
            (Machine::Running | Machine::Paused | Machine::Blocked, Packet::Syn { from }) => {
                self.accept(at, origin, from, cx);
            }
            (Machine::Idle, Packet::Syn { from }) => {
                self.answer(at, origin, Packet::Refused { to: from }, cx);
            }
            (Machine::Running, packet) | (Machine::Blocked, packet @ Packet::Say(_)) => {
                self.receive(at, origin, packet, cx);
            }
            (Machine::Paused | Machine::Blocked, packet) => {
                self.waiting.push_back((origin, packet));
            }
            (
                Machine::Idle,
                Packet::SynAck { to, .. } | Packet::Opening { to } | Packet::Data { to, .. },
            ) => self.answer(at, origin, Packet::Unknown { end: to }, cx),
            (Machine::Idle | Machine::Gone, _) => {}
        }
    }

    fn receive(&mut self, at: u64, origin: HostIndex, packet: Packet, cx: &mut HostCtx<'_>) {
        match packet {
            Packet::SynAck { to, from } => match self.ends.get_mut(to) {
                Some(end) => {
                    (end.far.end, end.stage) = (from, Stage::Up);
                    let link = end.link;
                    let slot = to.slot;
                    self.bytes_sent += PREAMBLE;
                    let opening = Outgoing::new(Packet::Opening { to: from }, PREAMBLE);
                    self.send(at, slot, opening, cx);
                    self.handle(at, Input::LinkUp { link, addr: address(origin) }, cx);
                }
                None => self.answer(at, origin, Packet::Unknown { end: to }, cx),
            },
            Packet::Refused { to } => {
                let end = self.ends.get_mut(to).copied();
                if let Some(end) = end.filter(|_| cx.network.is_final_refusal(origin)) {
                    self.ends.release(to.slot);
                    self.fail_dial(at, &end, DialFailure::Refused, cx);
                }
            }
            Packet::Opening { to } => match self.ends.get_mut(to) {
                Some(end) => {
                    end.stage = Stage::Up;
                    let link = end.link;
                    self.handle(at, Input::LinkUp { link, addr: address(origin) }, cx);
                }
                None => self.answer(at, origin, Packet::Unknown { end: to }, cx),
            },
            Packet::Data { to, message } => match self.ends.get_mut(to) {
                Some(end) => {
                    let link = end.link;
                    self.handle(at, Input::Received { link, message }, cx);
                }
                None => self.answer(at, origin, Packet::Unknown { end: to }, cx),
            },
            Packet::Fin { to } => self.lose(at, to, LinkLoss::Closed, cx),
            Packet::Rst { to } => self.lose(at, to, LinkLoss::Reset, cx),
            Packet::Unknown { end } => {
                let is_it = |it: &End| it.far == (Far { place: origin, end });
                if let Some(own) = self.ends.find(is_it) {
                    self.lose(at, own, LinkLoss::Reset, cx);
                }
            }
            Packet::Say(command) => self.say(at, command, cx),
            Packet::Syn { .. } | Packet::HostFault(_) => unreachable!("the machine takes these"),
        }
    }

    /// The machine accepts a connection, whether or not its process stands still.
    fn accept(&mut self, at: u64, far: HostIndex, from: EndRef, cx: &mut HostCtx<'_>) {
        let own = self.ends.occupy(Far { place: far, end: from }, Stage::Accepted, None);
        self.bytes_sent += PREAMBLE;
        let packet = Packet::SynAck { to: from, from: own };
        self.send(at, own.slot, Outgoing::new(packet, PREAMBLE), cx);
    }

    /// A connection is gone, and not by this node's wish.
    pub(super) fn lose(&mut self, at: u64, own: EndRef, loss: LinkLoss, cx: &mut HostCtx<'_>) {
        if matches!(self.machine, Machine::Paused | Machine::Asleep | Machine::Blocked) {
            let packet = match loss {
                LinkLoss::Reset => Packet::Rst { to: own },
                LinkLoss::Closed | LinkLoss::Stalled | LinkLoss::Silent | LinkLoss::Preamble(_) => {
                    Packet::Fin { to: own }
                }
            };
            self.waiting.push_back((self.place, packet));
        } else if let Some(end) = self.ends.get_mut(own).copied() {
            self.ends.release(own.slot);
            match end.stage {
                Stage::Up => {
                    if let Some(tracer) = &mut cx.state.tracer {
                        tracer.loses((at, cx.network), self.place, end.far.place, loss);
                    }
                    self.handle(at, Input::LinkDown { link: end.link, loss }, cx);
                }
                // It was lost too often: nobody refused it.
                Stage::Dialing => self.fail_dial(at, &end, DialFailure::TimedOut, cx),
                // The node has not heard of it.
                Stage::Accepted => {}
            }
        }
    }

    /// A dial came to nothing.
    fn fail_dial(&mut self, at: u64, end: &End, failure: DialFailure, cx: &mut HostCtx<'_>) {
        if let Some(tracer) = &mut cx.state.tracer {
            tracer.fails_to_reach((at, cx.network), self.place, end.far.place, failure);
        }
        self.handle(at, Input::DialFailed { link: end.link, failure }, cx);
    }

    pub(super) fn ends(&mut self) -> &mut Ends {
        &mut self.ends
    }

    /// One input, and then what the node takes of what it is still to say.
    fn handle(&mut self, at: u64, input: Input, cx: &mut HostCtx<'_>) {
        self.hear(at, input, cx);
        while self.node.as_ref().is_some_and(Node::takes_broadcasts)
            && let Some(command) = self.unsaid.pop_front()
        {
            self.hear(at, Input::Command(command), cx);
        }
    }

    /// One input, as a planted bug lets it through.
    fn hear(&mut self, at: u64, input: Input, cx: &mut HostCtx<'_>) {
        let input = match &mut self.mutant {
            Some(mutant) => mutant.input(input),
            None => Some(input),
        };
        if let Some(input) = input {
            self.tell(at, input, cx);
        }
    }

    fn tell(&mut self, at: u64, input: Input, cx: &mut HostCtx<'_>) {
        let Some(node) = &mut self.node else { return };
        self.clock = at;
        cx.state.inputs += 1;
        node.exchange_room(&mut cx.state.room);
        node.handle(Instant::from_micros(at - self.born), input);
        if cx.state.checks_invariants {
            node.check_invariants();
        }
        self.perform(at, cx);
    }

    /// Does what the node asks for.
    fn perform(&mut self, at: u64, cx: &mut HostCtx<'_>) {
        let mut after = Aftermath::default();
        while let Some(output) = self.node.as_mut().and_then(Node::poll_output) {
            match &mut self.mutant {
                None => self.carry_out(at, output, &mut after, cx),
                Some(mutant) => {
                    let mutated = mutant.output(output);
                    after.told.extend(mutated.inputs);
                    for output in mutated.outputs {
                        self.carry_out(at, output, &mut after, cx);
                    }
                }
            }
        }
        if let Some(node) = &mut self.node {
            node.exchange_room(&mut cx.state.room);
        }
        if after.has_left {
            self.end_life(at, LifeEnd::Left, cx);
        }
        // All of it, before the node is given more to say.
        for pressed in after.pressed {
            self.hear(at, pressed, cx);
        }
        if after.has_delivered
            && let Some(news) = self.reader.look(at)
        {
            self.hear(at, news, cx);
        }
        for input in after.told {
            self.tell(at, input, cx);
        }
    }

    fn carry_out(&mut self, at: u64, output: Output, after: &mut Aftermath, cx: &mut HostCtx<'_>) {
        match output {
            Output::Dial { link, addresses } => {
                let route = cx.network.route(self.place, &addresses, self.sent);
                self.dial(at, link, route, cx);
            }
            Output::Send { link, message } => {
                if let Some(slot) = self.ends.slot_of(link) {
                    after.pressed.extend(self.send_message(at, slot, message, cx));
                }
            }
            Output::AwaitReady { link } => {
                if let Some(slot) = self.ends.slot_of(link) {
                    if self.is_ready(at, slot, cx) {
                        after.pressed.push(Input::LinkReady { link });
                    } else {
                        self.pause(at, link, Until::Ready, cx);
                    }
                }
            }
            Output::AwaitIdle { link } => {
                if self.uplink_free <= at {
                    after.pressed.push(Input::LinkIdle { link });
                } else {
                    self.pause(at, link, Until::Idle, cx);
                }
            }
            Output::Close { link } => {
                if let Some(slot) = self.ends.slot_of(link) {
                    self.hang_up(at, slot, cx);
                }
            }
            Output::Reset { link } => {
                if let Some(slot) = self.ends.slot_of(link) {
                    self.drop_end(at, slot, cx);
                }
            }
            Output::Event(event) => {
                after.has_left |= event == Event::Left;
                if matches!(event, Event::NeighborUp { .. }) {
                    self.begin_chatter(at, cx);
                }
                after.has_delivered |= self.reader.leave_unread(at, &event);
                if let Some(tracer) = &mut cx.state.tracer {
                    tracer.tells((at, cx.network), self.place, &event);
                }
                if let Some(life) = self.life {
                    cx.state.note(life, at, &event);
                }
            }
        }
    }

    /// Chatter begins with the first neighbor.
    fn begin_chatter(&mut self, at: u64, cx: &HostCtx<'_>) {
        let Chatter { every, count } = cx.network.model.chatter;
        if self.said == 0 && self.chatter_due == NEVER && count > 0 {
            self.chatter_due = at + micros(every);
        }
    }

    fn dial(&mut self, at: u64, link: LinkId, Route { to, after }: Route, cx: &mut HostCtx<'_>) {
        let nowhere = EndRef { slot: 0, turn: 0 };
        let far = Far { place: to.unwrap_or(self.place), end: nowhere };
        let own = self.ends.occupy(far, Stage::Dialing, Some(link));
        // A dial to nowhere hangs, as one across a cut does.
        let hangs = to.is_none_or(|far| cx.network.hangs(self.place, far));
        if let Some(tracer) = &mut cx.state.tracer {
            tracer.dials((at, cx.network), self.place, to, hangs);
        }
        if !hangs {
            let syn = Outgoing { packet: Packet::Syn { from: own }, size: 0, after };
            self.send(at, own.slot, syn, cx);
        }
    }

    /// Queues a message. Returns what the node has to hear of that: much waits, or too much.
    fn send_message(
        &mut self,
        at: u64,
        slot: u32,
        message: Message,
        cx: &mut HostCtx<'_>,
    ) -> Option<Input> {
        let size = u64::try_from(wire::frame_len(&message)).unwrap_or(u64::MAX);
        let waits_for = self.uplink_free.saturating_sub(at);
        let (_, end) = self.ends.in_slot(slot)?;
        let waits = cx.network.is_waiting(self.place, end.far.place, at);
        end.unread = if waits { end.unread.saturating_add(small(size)) } else { 0 };
        let (link, to, unread) = (end.link, end.far, end.unread.into());
        let sharing = u64::try_from(self.ends.in_use()).unwrap_or(u64::MAX);
        if cx.network.is_overrun(waits_for, sharing, unread) {
            if let Some(tracer) = &mut cx.state.tracer {
                tracer.overruns((at, cx.network), (self.place, to.place), &message);
            }
            return Some(Input::Overrun { link });
        }
        self.bytes_sent += size;
        self.send(at, slot, Outgoing::new(Packet::Data { to: to.end, message }, size), cx);
        let waits_for = self.uplink_free.saturating_sub(at);
        let is_news =
            cx.network.is_congested(waits_for, unread) && self.pause(at, link, Until::Ready, cx);
        is_news.then_some(Input::LinkCongested { link })
    }

    /// The node is to hear when little or nothing waits for a link. False: it is to hear of it already.
    fn pause(&mut self, at: u64, link: LinkId, until: Until, cx: &HostCtx<'_>) -> bool {
        if self.paused.iter().any(|paused| paused.link == link && paused.until == until) {
            return false;
        }
        self.paused.push(Paused { link, moved: at, until });
        self.ready_due = self.ready_due.min(self.next_look(at, until, cx));
        true
    }

    /// When the uplink will have room again, or be free. What a cut or a process that stands still holds up
    /// is looked at now and then.
    fn next_look(&self, at: u64, until: Until, cx: &HostCtx<'_>) -> u64 {
        match until {
            Until::Ready => cx.network.ready_at(self.uplink_free).max(at + LOOK_EVERY),
            Until::Idle => self.uplink_free,
        }
    }

    /// Whether little waits for this end.
    fn is_ready(&mut self, at: u64, slot: u32, cx: &HostCtx<'_>) -> bool {
        let has_room = cx.network.ready_at(self.uplink_free) <= at;
        let Some((_, end)) = self.ends.in_slot(slot) else { return false };
        let waits = cx.network.is_waiting(self.place, end.far.place, at);
        has_room && (!waits || u64::from(end.unread) <= bytes(READY))
    }

    /// Tells the node which links can take more, one after the other because they share the uplink, and which
    /// have taken nothing for too long.
    fn look_at_paused(&mut self, at: u64, cx: &mut HostCtx<'_>) {
        let stall = micros(cx.network.model.config.links.stall_timeout);
        self.ready_due = NEVER;
        for mut paused in std::mem::take(&mut self.paused) {
            let link = paused.link;
            let Some(slot) = self.ends.slot_of(link) else { continue };
            if paused.until == Until::Idle {
                if self.uplink_free <= at {
                    self.handle(at, Input::LinkIdle { link }, cx);
                } else {
                    self.paused.push(paused);
                }
                continue;
            }
            let Some((_, end)) = self.ends.in_slot(slot) else { continue };
            if !cx.network.is_waiting(self.place, end.far.place, at) {
                paused.moved = at;
            }
            if self.is_ready(at, slot, cx) {
                self.handle(at, Input::LinkReady { link }, cx);
            } else if at - paused.moved >= stall {
                self.handle(at, Input::Overrun { link }, cx);
            } else {
                self.paused.push(paused);
            }
        }
        let looks = self.paused.iter().map(|paused| self.next_look(at, paused.until, cx));
        self.ready_due = looks.min().unwrap_or(NEVER);
    }

    /// Closes an end and says so, once the rest has been sent. Gives up a dial.
    fn hang_up(&mut self, at: u64, slot: u32, cx: &mut HostCtx<'_>) {
        let Some((_, end)) = self.ends.in_slot(slot) else { return };
        if end.stage != Stage::Dialing {
            let to = end.far.end;
            self.send(at, slot, Outgoing::new(Packet::Fin { to }, 0), cx);
        } else if let Some(tracer) = &mut cx.state.tracer {
            tracer.gives_up((at, cx.network), self.place, end.far.place);
        }
        self.ends.release(slot);
    }

    /// Closes an end at once. What was sent is on its way.
    fn drop_end(&mut self, at: u64, slot: u32, cx: &mut HostCtx<'_>) {
        let Some((_, end)) = self.ends.in_slot(slot) else { return };
        if end.stage == Stage::Dialing {
            return self.hang_up(at, slot, cx);
        }
        let to = end.far.end;
        self.send(at, slot, Outgoing::new(Packet::Rst { to }, 0), cx);
        self.ends.release(slot);
    }

    /// Sends a packet on an end, in order.
    fn send(&mut self, at: u64, slot: u32, outgoing: Outgoing, cx: &mut HostCtx<'_>) {
        let Outgoing { packet, size, after } = outgoing;
        let Some((own, end)) = self.ends.in_slot(slot) else { return };
        let far = end.far.place;
        self.sent = self.sent.wrapping_add(1);
        let begin = self.uplink_free.max(at);
        self.uplink_free = begin + cx.network.time_to_send(size);
        let leaves = self.uplink_free + after;
        let disposition = if self.machine == Machine::Blocked {
            Disposition::Blocked
        } else if end.severed {
            Disposition::Severed
        } else {
            let fate = cx.network.fate(self.place, far, leaves, self.sent);
            Disposition::Taken(fate.no_sooner_than(end.last_arrival))
        };
        if let (Packet::Data { message, .. }, Some(tracer)) = (&packet, &mut cx.state.tracer) {
            tracer.sends((at, cx.network), (self.place, far), message, disposition);
        }
        let (origin, count) = (self.place, self.sent);
        match disposition {
            Disposition::Blocked => {
                self.unsent.push(Held { origin, own, far: end.far, count, packet });
            }
            Disposition::Severed => {}
            Disposition::Taken(PacketFate::Lost) => end.severed = true,
            Disposition::Taken(PacketFate::Held) => {
                cx.state.hold(Held { origin, own, far: end.far, count, packet });
            }
            Disposition::Taken(PacketFate::Arrives(arrival)) => {
                end.last_arrival = arrival;
                cx.state.send((origin, count), far, arrival, packet);
            }
            Disposition::Taken(PacketFate::Reset(when)) => {
                end.severed = true;
                let far = end.far;
                self.break_off(when, own, far, cx);
            }
        }
    }

    /// A packet was lost too often: both ends learn at `when` that the connection is reset.
    fn break_off(&mut self, when: u64, own: EndRef, far: Far, cx: &mut HostCtx<'_>) {
        for (place, to) in [(far.place, far.end), (self.place, own)] {
            self.sent = self.sent.wrapping_add(1);
            cx.state.send((self.place, self.sent), place, when, Packet::Rst { to });
        }
    }

    /// Sends a packet that was held back until now. `last` is when the one before it on the same end
    /// arrives; `None` if that one was lost for good. The end itself may be closed by now.
    pub(super) fn release(
        &mut self,
        at: u64,
        held: Held,
        last: &mut Option<u64>,
        cx: &mut HostCtx<'_>,
    ) {
        let Held { origin, own, far, count, packet } = held;
        let Some(before) = *last else { return };
        match cx.network.fate(self.place, far.place, at, count) {
            PacketFate::Arrives(arrival) => {
                let arrival = self.ends.delay_until(own, arrival.max(before));
                *last = Some(arrival);
                cx.state.send((self.place, count), far.place, arrival, packet);
            }
            PacketFate::Reset(when) => {
                *last = None;
                if let Some(end) = self.ends.get_mut(own) {
                    end.severed = true;
                }
                self.break_off(when, own, far, cx);
            }
            PacketFate::Held => cx.state.hold(Held { origin, own, far, count, packet }),
            PacketFate::Lost => {
                *last = None;
                if let Some(end) = self.ends.get_mut(own) {
                    end.severed = true;
                }
            }
        }
    }

    /// Sends a packet that belongs to no end here.
    fn answer(&mut self, at: u64, far: HostIndex, packet: Packet, cx: &mut HostCtx<'_>) {
        self.sent = self.sent.wrapping_add(1);
        if let PacketFate::Arrives(arrival) = cx.network.fate(self.place, far, at, self.sent) {
            cx.state.send((self.place, self.sent), far, arrival, packet);
        }
    }
}

/// A packet that leaves on an end.
struct Outgoing {
    packet: Packet,
    /// Bytes that the uplink is busy with.
    size: u64,
    /// Microseconds that it waits first, while others leave.
    after: u64,
}

impl Outgoing {
    fn new(packet: Packet, size: u64) -> Self {
        Self { packet, size, after: 0 }
    }
}

/// What is left to do when a node has nothing more to ask for.
#[derive(Default)]
struct Aftermath {
    /// What links have become.
    pressed: Vec<Input>,
    has_left: bool,
    /// Something waits for a program that does not read.
    has_delivered: bool,
    /// What a planted bug tells the node.
    told: Vec<Input>,
}

/// How often a link is looked at that a cut or another's process holds up, in microseconds.
const LOOK_EVERY: u64 = 10_000;

/// Bytes of a preamble.
const PREAMBLE: u64 = 8;

const _: () = assert!(PREAMBLE_LEN == 8, "this engine counts them too");

/// A size that is known to be small; the largest number there is, if it is not.
fn small(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
