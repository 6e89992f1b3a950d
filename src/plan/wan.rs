//! WAN 2.2 14B: what it is made of.
//!
//! Source: `wan/configs/wan_t2v_A14B.py`, `wan_i2v_A14B.py` and `wan/modules/model.py` of Wan-Video/Wan2.2.
//!
//! | part | tensors, rows × columns |
//! |---|---|
//! | patch embedding | dim × in × 1 × 2 × 2 |
//! | text embedding | dim × 4096, dim × dim |
//! | time embedding, projection | dim × 256, dim × dim; 6 dim × dim |
//! | each of 40 blocks | self and cross attention: 4 of dim × dim and 2 norms each; a norm; ffn × dim and dim × ffn; modulation 6 × dim |
//! | head | 64 × dim (16 channels in patches of 1 × 2 × 2); modulation 2 × dim |
//!
//! With dim = 5120 and ffn = 13,824 a block has 8 dim² + 2 dim ffn = 351,272,960 weights that get quantised. The 40 heads
//! of 128 share the dim × dim matrices, and add nothing of their own.

use super::quantise::{Quantisation, is_quantised};
use super::tensor::Tensor;

const DIM: u64 = 5120;
const FFN: u64 = 13_824;
const LAYERS: u64 = 40;
const TEXT_DIM: u64 = 4096;
const FREQUENCY_DIM: u64 = 256;
const OUT_CHANNELS: u64 = 16;
/// Patches of one frame, two rows and two columns.
const PATCH: [u64; 3] = [1, 2, 2];

/// A model that is built in.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    in_channels: u64,
}

/// The profiles; the high-noise and the low-noise model of a pair are alike.
pub const PROFILES: [Profile; 3] = [
    Profile { name: "wan2.2-14b", title: "WAN 2.2 14B, text to video", in_channels: 16 },
    Profile { name: "wan2.2-t2v-14b", title: "WAN 2.2 14B, text to video", in_channels: 16 },
    Profile { name: "wan2.2-i2v-14b", title: "WAN 2.2 14B, image to video", in_channels: 36 },
];

impl Profile {
    /// The profile of this name, in any case.
    pub fn of_name(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name.eq_ignore_ascii_case(name))
    }

    /// Its tensors in a quantisation.
    pub fn tensors(&self, quantisation: &Quantisation) -> Vec<Tensor> {
        let mut tensors = Tensors { quantisation: *quantisation, made: Vec::new() };
        let patch = [DIM, self.in_channels].into_iter().chain(PATCH).collect();
        tensors.add("patch_embedding.weight", patch);
        tensors.add("patch_embedding.bias", vec![DIM]);
        tensors.linear("text_embedding.0", DIM, TEXT_DIM);
        tensors.linear("text_embedding.2", DIM, DIM);
        tensors.linear("time_embedding.0", DIM, FREQUENCY_DIM);
        tensors.linear("time_embedding.2", DIM, DIM);
        tensors.linear("time_projection.1", 6 * DIM, DIM);
        for layer in 0..LAYERS {
            let block = format!("blocks.{layer}");
            tensors.attention(&format!("{block}.self_attn"));
            tensors.add(&format!("{block}.norm3.weight"), vec![DIM]);
            tensors.add(&format!("{block}.norm3.bias"), vec![DIM]);
            tensors.attention(&format!("{block}.cross_attn"));
            tensors.linear(&format!("{block}.ffn.0"), FFN, DIM);
            tensors.linear(&format!("{block}.ffn.2"), DIM, FFN);
            tensors.add(&format!("{block}.modulation"), vec![1, 6, DIM]);
        }
        tensors.linear("head.head", OUT_CHANNELS * PATCH.iter().product::<u64>(), DIM);
        tensors.add("head.modulation", vec![1, 2, DIM]);
        quantisation.of_tensors(&tensors.made, is_quantised)
    }
}

struct Tensors {
    quantisation: Quantisation,
    made: Vec<Tensor>,
}

impl Tensors {
    fn add(&mut self, name: &str, shape: Vec<u64>) {
        // None of these sizes is anywhere near the end of a number.
        let is_vector = shape.len() == 1 || name.ends_with("modulation");
        self.made.extend(Tensor::new(name.to_owned(), shape, self.quantisation.rest(is_vector)));
    }

    fn linear(&mut self, name: &str, rows: u64, columns: u64) {
        self.add(&format!("{name}.weight"), vec![rows, columns]);
        self.add(&format!("{name}.bias"), vec![rows]);
    }

    fn attention(&mut self, name: &str) {
        for part in ["q", "k", "v", "o"] {
            self.linear(&format!("{name}.{part}"), DIM, DIM);
        }
        for norm in ["norm_q", "norm_k"] {
            self.add(&format!("{name}.{norm}.weight"), vec![DIM]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str) -> Vec<Tensor> {
        Profile::of_name(name).unwrap().tensors(&Quantisation::of_name("Q6_K").unwrap())
    }

    #[test]
    fn fourteen_billion_weights() {
        let elements: u64 = profile("wan2.2-i2v-14b").iter().map(|t| t.elements).sum();
        assert_eq!(elements, 14_288_901_184);
    }
}
