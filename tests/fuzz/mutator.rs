//! Bytes a little different from bytes that mean something. It knows nothing of what they mean.

use fastrand::Rng;

/// The most changes of one input.
const CHANGES: usize = 8;

/// Inputs grow no longer; longer ones are slow and find nothing more.
const LONGEST: usize = 16 * 1024;

/// Numbers at whose edges things break.
const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "1e999",
    "0.1",
];

/// Returns one of `corpus` with a few changes; some insert a part of another one, or a word.
pub fn mutated(corpus: &[Vec<u8>], words: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut input = random.choice(corpus).cloned().unwrap_or_default();
    for _ in 0..random.usize(1..=CHANGES) {
        change(&mut input, corpus, words, random);
    }
    input.truncate(LONGEST);
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[Vec<u8>], random: &mut Rng) {
    let here = random.usize(0..=input.len());
    let short = here..random.usize(here..=input.len().min(here + 16));
    match random.u8(0..10) {
        0 if !input.is_empty() => {
            let at = random.usize(..input.len());
            input[at] ^= 1 << random.u8(..8);
        }
        1 => input.insert(here, random.u8(..)),
        2 => drop(input.drain(short)),
        3 => drop(input.drain(here..random.usize(here..=input.len()))),
        4 | 5 => {
            let word = random.choice(words).cloned().unwrap_or_default();
            let replaced = if random.bool() { here..here } else { short };
            drop(input.splice(replaced, word));
        }
        6 => {
            let digits = digits(input, here);
            drop(input.splice(digits, random.choice(NUMBERS).unwrap_or("0").bytes()));
        }
        7 => {
            let copy = input[here..random.usize(here..=input.len())].to_vec();
            let there = random.usize(0..=input.len());
            drop(input.splice(there..there, copy));
        }
        8 => {
            let other = random.choice(corpus).cloned().unwrap_or_default();
            let from = random.usize(0..=other.len());
            let part = other[from..random.usize(from..=other.len())].to_vec();
            drop(input.splice(short, part));
        }
        _ => {
            let filler = random.choice(b" x0[{\"\\\xff").copied().unwrap_or(b' ');
            let more = vec![filler; 1 << random.u8(..13)];
            drop(input.splice(here..here, more));
        }
    }
}

/// Returns the first run of digits from `here` on; nothing, at the end, if there is none.
fn digits(input: &[u8], here: usize) -> std::ops::Range<usize> {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let start = input[here..].iter().position(is_digit).map_or(input.len(), |at| here + at);
    let end = input[start..].iter().position(|byte| !is_digit(byte));
    start..end.map_or(input.len(), |length| start + length)
}
