; Where load lists come from: every mention of the method's name. patcher._load_list() and self._load_list are taken as
; they are, getattr(patcher, "_load_list") through the string. What reads the lists is found by following the value, not
; by its looks.

((identifier) @load-list.method
  (#eq? @load-list.method "_load_list"))

((string_content) @load-list.method
  (#eq? @load-list.method "_load_list"))
