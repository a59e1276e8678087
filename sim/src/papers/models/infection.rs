//! How an update spreads on the pings and acks of a failure detector (SWIM, DSN 2002, §4.1): each
//! member pings one other member per period, at a phase of its own; if one of the two knows the
//! update, both know it then. Links take no time.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::other;

/// Periods until each member but the first knows an update that the first one makes at a moment of
/// its own; earliest first. At least two members. Acks carry it from who is pinged to who pings;
/// without them (`acks`) only pings carry it.
pub fn infection_times(members: usize, acks: bool, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut phases: Vec<(f64, usize)> = (0..members).map(|it| (rng.random::<f64>(), it)).collect();
    phases.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut knows = vec![false; members];
    knows[0] = true;
    let (mut times, mut period) = (Vec::new(), 0.0);
    while times.len() + 1 < members {
        for &(phase, member) in &phases {
            let pinged = other(members, member, rng);
            let learns = match (knows[member], knows[pinged]) {
                (true, false) => pinged,
                (false, true) if acks => member,
                _ => continue,
            };
            knows[learns] = true;
            times.push(period + phase);
        }
        period += 1.0;
    }
    times
}
