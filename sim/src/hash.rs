//! A quick hash of words, for draws and for logs: each word is folded into 64 bits by a multiplication
//! whose halves are put together, as in wyhash. The same on every machine. It keeps no secret: whoever
//! chooses the words can make two logs collide.

/// Digits of pi, which nobody chose.
const PI: [u64; 3] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0];

/// The hash of `state` and one more word.
pub(crate) const fn hash_step(state: u64, word: u64) -> u64 {
    fold(state ^ PI[0], word ^ PI[1])
}

/// Spreads what is left in patterns.
pub(crate) const fn hash_finish(state: u64) -> u64 {
    fold(state ^ PI[1], state ^ PI[2])
}

/// Both halves of the product.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "the halves of a word")]
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128) * (b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_of_a_word_changes_half_of_the_hash() {
        for bit in 0..64 {
            let changed = |word: u64| {
                let (a, b) = (hash_step(7, word), hash_step(7, word ^ (1 << bit)));
                (hash_finish(a) ^ hash_finish(b)).count_ones()
            };
            let mean = (0..1000).map(changed).sum::<u32>() / 1000;
            assert!((28..=36).contains(&mean), "bit {bit}: {mean} of 64");
        }
    }

    #[test]
    fn draws_fall_on_all_of_sixteen_parts_alike() {
        let mut parts = [0_u32; 16];
        for word in 0..16_000 {
            let part = hash_finish(hash_step(hash_step(1, word), 5)) >> 60;
            parts[usize::try_from(part).expect("below 16")] += 1;
        }
        assert!(parts.iter().all(|part| (850..1150).contains(part)), "{parts:?}");
    }
}
