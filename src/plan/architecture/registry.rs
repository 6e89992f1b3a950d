//! The outlines that there are. Of several whose conditions a file meets the first is tried first.

/// The texts.
pub(super) static OUTLINES: [&str; 16] = [
    include_str!("outlines/wan_vace.outline"),
    include_str!("outlines/wan_camera.outline"),
    include_str!("outlines/wan_s2v.outline"),
    include_str!("outlines/wan_humo.outline"),
    include_str!("outlines/wan_animate.outline"),
    include_str!("outlines/wan.outline"),
    include_str!("outlines/flux.outline"),
    include_str!("outlines/clip_g.outline"),
    include_str!("outlines/clip_h.outline"),
    include_str!("outlines/clip_l.outline"),
    include_str!("outlines/umt5xxl.outline"),
    include_str!("outlines/t5xxl.outline"),
    include_str!("outlines/t5xl.outline"),
    include_str!("outlines/t5xxl_old.outline"),
    include_str!("outlines/umt5base.outline"),
    include_str!("outlines/t5base.outline"),
];
