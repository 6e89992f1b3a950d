//! Any allocation string: parsed without a panic or refused with the place; what was parsed is within the text.

#![no_main]

use distorch_fix::allocator::AllocationString;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match AllocationString::parse(text) {
        Ok(parsed) => assert!(text.contains(parsed.expert())),
        Err(error) => {
            let _ = error.to_string();
            assert!(text.get(error.span().start..error.span().end).is_some(), "{:?} is not in {text:?}", error.span());
        }
    }
});
