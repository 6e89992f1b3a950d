; Byte mode's default wildcard device, and what marks a wildcard. Following the value shows whether a default reaches the
; statement that assigns the remainder.

; wildcard_device = "cpu", wildcard="cpu", next(…, 'cpu'): any string that is exactly cpu
((string_content) @gpu-only.default
  (#eq? @gpu-only.default "cpu"))

; wildcard_device = None: the default after a repair, by this tool or by hand
(none) @gpu-only.none

; '*' in value, device == "*", value.endswith('*'): any string that is exactly an asterisk
((string_content) @gpu-only.marker
  (#eq? @gpu-only.marker "*"))

; re.search(r"\*", value): a pattern with an escaped asterisk
((string_content) @gpu-only.marker
  (#match? @gpu-only.marker "^[^\n]{0,20}(\\\\\\*|\\[\\*\\])[^\n]{0,20}$"))
