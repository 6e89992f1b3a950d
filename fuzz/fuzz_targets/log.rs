//! Any bytes as a log: read without a panic, the same in parts of any size, and within the lines that there are.

#![no_main]

use distorch_fix::log::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader::new();
    reader.feed(bytes);
    let whole = reader.finish();
    for start in &whole.starts {
        for prompt in &start.prompts {
            assert!(prompt.banners.end <= start.banners.len());
            for load in &prompt.loads {
                assert!(load.line <= load.last_line && load.last_line <= whole.lines, "{load:?} of {}", whole.lines);
                assert!(load.banner.is_none_or(|index| index < start.banners.len()));
            }
        }
    }
    let mut reader = Reader::new();
    bytes.chunks(1 + bytes.len() / 3).for_each(|part| reader.feed(part));
    assert_eq!(reader.finish(), whole);
});
