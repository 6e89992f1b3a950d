; An allocation string is two parts with a hash sign between: "cuda:0,12gb;cuda:1,16gb#cuda:0;4;cpu". Whoever takes it
; apart at this sign has read it from where a loader has put it, which is found by following the value back.
((string_content) @dynamic-vram.separator
  (#eq? @dynamic-vram.separator "#"))
