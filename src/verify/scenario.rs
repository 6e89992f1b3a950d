//! The scenarios that the functions of a checkout are tried with.

use crate::allocator::{Block, Device, Machine, Model};

const GB: u64 = 1 << 30;
const MB: u64 = 1 << 20;

/// Models to allocate. Sizes differ from block to block, so that mixing up two shows.
pub(super) fn models() -> Vec<Model> {
    let block = |name: String, kind: &'static str, resident_bytes: u64| Block {
        name,
        kind: kind.into(),
        resident_bytes,
        // What a quantised weight costs once cast: its own bytes and two for each.
        offload_bytes: resident_bytes * 3,
        has_bias: kind == "Linear",
    };
    let transformer = |prefix: &str, count: u64, bytes: u64| -> Vec<Block> {
        (0..count).map(|at| block(format!("{prefix}.{at}"), "Linear", bytes + at * MB)).collect()
    };
    let mut video = vec![block("patch_embedding".into(), "Linear", 3 * MB), block("norm".into(), "RMSNorm", 20_480)];
    // Between a tenth of the threshold for tiny blocks and the threshold.
    video.push(block("time_embedding".into(), "Linear", 512 * 1024));
    video.extend(transformer("blocks", 12, 933 * MB));
    video.push(block("head".into(), "Linear", 40_961));
    let mut text = vec![block("shared.token_embedding".into(), "Embedding", 2003 * MB)];
    text.extend(transformer("encoder.block", 8, 301 * MB));
    text.push(block("encoder.position_embedding".into(), "Linear", 64 * MB));
    let exact = transformer("layer", 1, 4 * GB);
    let huge = transformer("layer", 1, 20 * GB);
    [video, text, Vec::new(), exact, huge].into_iter().map(Model::new).collect()
}

/// The models, by what they are for.
pub(super) const VIDEO: usize = 0;
pub(super) const TEXT: usize = 1;
pub(super) const EMPTY: usize = 2;
pub(super) const EXACT: usize = 3;
pub(super) const HUGE: usize = 4;

/// Devices and their memory, in the order in which ComfyUI lists them.
pub(super) const DEVICES: [(&str, u64); 5] =
    [("cpu", 64 * GB), ("cuda:0", 12 * GB), ("cuda:1", 16 * GB), ("cuda:2", 24 * GB), ("xpu:0", 8 * GB)];

/// The machine that has them.
pub(super) fn machine() -> Machine {
    Machine::new(DEVICES.map(|(name, bytes)| (Device::from(name), bytes)))
}

/// A wildcard marked after its device, which only some versions understand.
pub(super) const MARKED_DEVICE: &str = "cpu*,1gb;cuda:0,2gb";

/// Byte quotas, each with the model to try it on.
pub(super) const BYTES: [(usize, &str); 26] = [
    (VIDEO, "cuda:0,2gb;cuda:1,3gb"),
    (VIDEO, "cuda:0,12gb;cuda:1,16gb"),
    (VIDEO, "cuda:0,4gb;cuda:1,6gb;cpu,*"),
    (VIDEO, "cuda:0,1gb;cuda:1,*"),
    (VIDEO, "cuda:1,2g;cpu,5gb*"),
    (VIDEO, MARKED_DEVICE),
    (VIDEO, "cuda:0,1gb;cuda:1*,1gb"),
    (VIDEO, "cuda:1,2500mb"),
    (VIDEO, "cuda:0,512m;cuda:1,4.5G;cuda:2,100000k"),
    (VIDEO, "cuda:0,1gb;cpu,2gb;cuda:1,2gb"),
    (VIDEO, "xpu:0,1gb;cuda:0,3gb"),
    (VIDEO, "xpu:0,500mb"),
    (VIDEO, "cpu,2gb"),
    (VIDEO, "cpu,*;cuda:0,2gb"),
    (VIDEO, "cpu,2gb;cuda:0,1gb;cpu,*"),
    (VIDEO, "cuda:0,1gb;cuda:1,2gb;cuda:0,*"),
    (VIDEO, "cuda:0,0gb;cuda:1,1gb"),
    (VIDEO, "cuda:0,0gb"),
    (VIDEO, ""),
    (TEXT, "cuda:0,1gb;cuda:1,2gb;cuda:2,1gb"),
    (TEXT, "cuda:0,40gb"),
    (EMPTY, "cuda:0,1gb;cuda:1,2gb"),
    (EXACT, "cuda:0,4gb;cuda:1,2gb"),
    (EXACT, "cuda:0,3gb;cuda:1,1gb"),
    (HUGE, "cuda:0,12gb;cuda:1,16gb"),
    (HUGE, "cuda:0,8gb;cuda:1,4gb"),
];

/// Shares of the model.
pub(super) const RATIOS: [(usize, &str); 4] = [
    (VIDEO, "cuda:0,25%;cpu,75%"),
    (VIDEO, "cuda:0,8%;cuda:1,8%;cpu,4%"),
    (TEXT, "cuda:0,1%;cuda:1,2%"),
    (VIDEO, "xpu:0,10%"),
];

/// Whole allocation strings, for placement.
pub(super) const PLACEMENTS: [(usize, &str); 13] = [
    (VIDEO, "cuda:0,0.2;cuda:1,0.3;cpu,0.05#cuda:0;0.0;"),
    (VIDEO, "cuda:0,0.05;cpu,0.5#cuda:0;0.0;"),
    (VIDEO, "cuda:1,0.6#cuda:0;0.0;"),
    (VIDEO, "#cuda:0;4.0;cpu"),
    (VIDEO, "cuda:0,2gb;cuda:1,3gb#cuda:0;0.0;"),
    (VIDEO, "cuda:0,2gb;cpu,*#cuda:0;0.0;"),
    (VIDEO, "cuda:0,25%;cpu,75%#cuda:0;0.0;"),
    (VIDEO, "xpu:0,0.9;cuda:2,0.01#cuda:1;0.0;"),
    (TEXT, "cuda:0,0.2;cuda:1,0.1;cpu,0.05#cuda:0;0.0;"),
    (TEXT, "cuda:1,0.05;cpu,0.5#cuda:0;0.0;"),
    (EMPTY, "cuda:0,0.5;cpu,0.5#cuda:0;0.0;"),
    (HUGE, "cuda:0,0.9;cuda:1,0.9#cuda:0;0.0;"),
    // A quota of exactly the block.
    (EXACT, "cuda:1,0.25#cuda:0;0.0;"),
];

/// A small generator with good statistics whose results are the same everywhere (`SplitMix64`, by Steele, Lea and Flood).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// A string of byte quotas, and the model to try it on.
    pub(super) fn bytes(&mut self) -> (usize, String) {
        let mut left: Vec<&str> = DEVICES.iter().map(|(name, _)| *name).collect();
        let parts = (0..=self.below(4)).map(|_| {
            let at = usize::try_from(self.below(left.len() as u64)).unwrap_or(0);
            let device = left.swap_remove(at);
            match self.below(10) {
                0 => format!("{device},*"),
                1 => format!("{device},{}gb*", self.below(9)),
                2 => format!("{device},{}mb", self.below(6000)),
                3 => format!("{device},{}.{}G", self.below(5), self.below(100)),
                4 => format!("{device},{}k", self.below(4_000_000)),
                _ => format!("{device},{}gb", self.below(7)),
            }
        });
        let text = parts.collect::<Vec<_>>().join(";");
        (if self.below(3) == 0 { TEXT } else { VIDEO }, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_splitmix64() {
        let mut random = Random::new(1_234_567);
        // Published with the algorithm's other implementations.
        for expected in [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423] {
            assert_eq!(random.below(u64::MAX), expected);
        }
        assert!((0..1000).all(|_| random.below(3) < 3));
    }
}
