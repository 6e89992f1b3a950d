//! All outlines. If a file meets the conditions of several, they are tried in this order.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::looked_at::LOOKED_AT;
use super::outline::Outline;

/// The texts.
pub(super) static OUTLINES: [&str; 77] = [
    include_str!("outlines/wan_vace.outline"),
    include_str!("outlines/wan_camera.outline"),
    include_str!("outlines/wan_s2v.outline"),
    include_str!("outlines/wan_humo.outline"),
    include_str!("outlines/wan_animate.outline"),
    include_str!("outlines/wan_scail2.outline"),
    include_str!("outlines/wan_scail.outline"),
    include_str!("outlines/wan_dancer.outline"),
    include_str!("outlines/wan.outline"),
    include_str!("outlines/flux2.outline"),
    include_str!("outlines/chroma_radiance.outline"),
    include_str!("outlines/chroma.outline"),
    include_str!("outlines/longcat_image.outline"),
    include_str!("outlines/flux.outline"),
    include_str!("outlines/svd.outline"),
    include_str!("outlines/unet.outline"),
    include_str!("outlines/sd3.outline"),
    include_str!("outlines/auraflow.outline"),
    include_str!("outlines/pixart.outline"),
    include_str!("outlines/hunyuan_dit.outline"),
    include_str!("outlines/hunyuan_video.outline"),
    include_str!("outlines/joyimage.outline"),
    include_str!("outlines/mochi.outline"),
    include_str!("outlines/minimax_h3.outline"),
    include_str!("outlines/ltxav.outline"),
    include_str!("outlines/ltxv.outline"),
    include_str!("outlines/ace.outline"),
    include_str!("outlines/ace15.outline"),
    include_str!("outlines/cosmos.outline"),
    include_str!("outlines/anima.outline"),
    include_str!("outlines/cosmos_predict2.outline"),
    include_str!("outlines/cogvideox.outline"),
    include_str!("outlines/zimage_pixel.outline"),
    include_str!("outlines/lumina2.outline"),
    include_str!("outlines/hidream.outline"),
    include_str!("outlines/hidream_o1.outline"),
    include_str!("outlines/boogu.outline"),
    include_str!("outlines/omnigen2.outline"),
    include_str!("outlines/lens.outline"),
    include_str!("outlines/mage_flow.outline"),
    include_str!("outlines/qwen_image.outline"),
    include_str!("outlines/ideogram4.outline"),
    include_str!("outlines/krea2.outline"),
    include_str!("outlines/kandinsky5.outline"),
    include_str!("outlines/hunyuan3d.outline"),
    include_str!("outlines/hunyuan3d_21.outline"),
    include_str!("outlines/ernie.outline"),
    include_str!("outlines/cascade_c.outline"),
    include_str!("outlines/cascade_b.outline"),
    include_str!("outlines/clip_g.outline"),
    include_str!("outlines/clip_h.outline"),
    include_str!("outlines/clip_l.outline"),
    include_str!("outlines/umt5xxl.outline"),
    include_str!("outlines/t5xxl.outline"),
    include_str!("outlines/t5xl.outline"),
    include_str!("outlines/t5xxl_old.outline"),
    include_str!("outlines/umt5base.outline"),
    include_str!("outlines/t5base.outline"),
    include_str!("outlines/llama3_8b.outline"),
    include_str!("outlines/qwen25_3b.outline"),
    include_str!("outlines/qwen25_7b.outline"),
    include_str!("outlines/qwen3_4b.outline"),
    include_str!("outlines/qwen3_8b.outline"),
    include_str!("outlines/qwen3_2b.outline"),
    include_str!("outlines/qwen3_06b.outline"),
    include_str!("outlines/mistral3_24b.outline"),
    include_str!("outlines/ministral3_3b.outline"),
    include_str!("outlines/gemma3_12b.outline"),
    include_str!("outlines/gemma3_4b_vision.outline"),
    include_str!("outlines/gemma3_4b.outline"),
    include_str!("outlines/gemma2_2b.outline"),
    include_str!("outlines/jina_clip_2.outline"),
    include_str!("outlines/vae_wan22.outline"),
    include_str!("outlines/vae_wan.outline"),
    include_str!("outlines/vae_hunyuan_video.outline"),
    include_str!("outlines/vae_ltxv.outline"),
    include_str!("outlines/vae_kl.outline"),
];

/// What ComfyUI looks up, and the names in the conditions of all outlines.
static DECIDING: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let conditions = OUTLINES.into_iter().flat_map(Outline::conditions_of);
    conditions.map(|condition| condition.name).chain(LOOKED_AT).collect()
});

/// May ComfyUI use this tensor, or a module that it is in, to choose the architecture?
pub(super) fn decides(name: &str) -> bool {
    // Conditions are short.
    let above = name.match_indices('.').take(12).map(|(at, _)| &name[..at]);
    above.chain([name]).any(|name| DECIDING.contains(name))
}
