//! Bob Jenkins's lookup3, `hashlittle`.

/// Reads words with the lowest byte first. An empty key gives 0xdeadbeef plus the seed.
pub fn lookup3(key: &[u8], seed: u32) -> u32 {
    let start = 0xdead_beef_u32
        .wrapping_add(key.len() as u32)
        .wrapping_add(seed);
    let mut state = [start; 3];
    let mut left = key;
    while left.len() > 12 {
        let (block, rest) = left.split_at(12);
        add(&mut state, block);
        mix(&mut state);
        left = rest;
    }
    if left.is_empty() {
        return state[2];
    }
    add(&mut state, left);
    finish(&mut state);
    state[2]
}

/// Up to twelve bytes; those that are missing are 0.
fn add(state: &mut [u32; 3], bytes: &[u8]) {
    for (at, &byte) in bytes.iter().take(12).enumerate() {
        let word = &mut state[at / 4];
        *word = word.wrapping_add(u32::from(byte) << (8 * (at % 4)));
    }
}

fn mix([a, b, c]: &mut [u32; 3]) {
    let step = |x: &mut u32, y: &mut u32, z: &mut u32, by: u32| {
        *x = x.wrapping_sub(*z) ^ z.rotate_left(by);
        *z = z.wrapping_add(*y);
    };
    step(a, b, c, 4);
    step(b, c, a, 6);
    step(c, a, b, 8);
    step(a, b, c, 16);
    step(b, c, a, 19);
    step(c, a, b, 4);
}

fn finish([a, b, c]: &mut [u32; 3]) {
    let step = |x: &mut u32, y: &u32, by: u32| *x = (*x ^ *y).wrapping_sub(y.rotate_left(by));
    step(c, b, 14);
    step(a, c, 11);
    step(b, a, 25);
    step(c, b, 16);
    step(a, c, 4);
    step(b, a, 14);
    step(c, b, 24);
}
