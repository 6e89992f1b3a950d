; Where load lists come from: every mention of the method's name. patcher._load_list() and self._load_list match as
; identifiers, getattr(patcher, "_load_list") by its string. The code that reads the lists is found by following the value,
; not by its form.

((identifier) @load-list.method
  (#eq? @load-list.method "_load_list"))

((string_content) @load-list.method
  (#eq? @load-list.method "_load_list"))
