; Byte mode's default wildcard device, and what marks a wildcard. That a default reaches the statement that assigns the
; remainder is found by following the value.

; wildcard_device = "cpu", wildcard="cpu", next(…, 'cpu'): any string that is just cpu
((string_content) @gpu-only.default
  (#eq? @gpu-only.default "cpu"))

; wildcard_device = None: the default after a repair, ours or another's
(none) @gpu-only.none

; '*' in value, device == "*", value.endswith('*'): any string that is just an asterisk
((string_content) @gpu-only.marker
  (#eq? @gpu-only.marker "*"))

; re.search(r"\*", value): a pattern that has an asterisk of its own
((string_content) @gpu-only.marker
  (#match? @gpu-only.marker "^[^\n]{0,20}(\\\\\\*|\\[\\*\\])[^\n]{0,20}$"))
