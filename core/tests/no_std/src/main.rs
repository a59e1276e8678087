//! A node in a program without the standard library: it is born, dials its seed node, and says hello. The
//! status is 0 if it did.

#![no_std]
#![no_main]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::panic::PanicInfo;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

use alloc::string::ToString as _;

use tidings_core::{
    AddressRecord, Birth, BootEpoch, Config, Input, Instant, Node, NodeId, Output, RngSeed,
    UnixTime,
};

/// Far more than one young node needs.
const HEAP: usize = 4 * 1024 * 1024;

/// Memory that is handed out once and never taken back.
struct Heap {
    memory: UnsafeCell<[u8; HEAP]>,
    used: AtomicUsize,
}

// SAFETY: `used` only grows, so that no two callers get the same bytes.
unsafe impl Sync for Heap {}

// SAFETY: what is given out is aligned, within `memory`, and given out once.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.memory.get().cast::<u8>();
        let place = |used: usize| {
            let start = (base.addr() + used).next_multiple_of(layout.align()) - base.addr();
            (start, start + layout.size())
        };
        let grown = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            let (_, end) = place(used);
            (end <= HEAP).then_some(end)
        });
        match grown {
            // SAFETY: the end is within the memory, as was just seen.
            Ok(used) => unsafe { base.add(place(used).0) },
            Err(_) => null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Heap = Heap { memory: UnsafeCell::new([0; HEAP]), used: AtomicUsize::new(0) };

#[link(name = "c")]
unsafe extern "C" {
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}

/// The compiled `alloc` speaks of unwinding, which nothing here does.
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() -> ! {
    abort()
}

/// As above.
#[unsafe(no_mangle)]
pub extern "C" fn _Unwind_Resume() -> ! {
    abort()
}

/// The start of the operating system's C library calls this.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> i32 {
    i32::from(says_hello() != Some(true))
}

fn says_hello() -> Option<bool> {
    let addr = |n| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)), 5000);
    let birth = Birth {
        record: AddressRecord::new(NodeId::new([7; 32]), BootEpoch(1), &[addr(7)]).ok()?,
        rng_seed: RngSeed::new([1; 32]),
        unix: UnixTime::from_millis(1_700_000_000_000),
    };
    let is_named = birth.record.to_string() == "07070707@192.0.2.7:5000";
    let mut peer = Node::peer(Config::modern(), birth, &[addr(1)]).ok()?;
    let Some(Output::Dial { link, .. }) = peer.poll_output() else { return None };
    peer.handle(Instant::from_micros(900), Input::LinkUp { link, addr: addr(1) });
    let says_hello = matches!(peer.poll_output(), Some(Output::Send { .. }));
    Some(is_named && says_hello && peer.poll_output().is_none() && peer.poll_timeout().is_some())
}
