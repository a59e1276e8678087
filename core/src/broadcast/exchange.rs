//! The exchange: two peers that are no neighbors compare what they hold, once, so that nothing stays
//! missing where the overlay fell apart (anti-entropy, Demers et al., PODC 1987, §1.3).
