//! Any Python: surveyed without a panic; where there is something to repair, the repair parses, repairing it again changes
//! nothing, and undoing its edits gives the old text.

#![no_main]

#[path = "../../tests/it/snippets/mod.rs"]
mod snippets;

use std::path::Path;

use distorch_fix::fixes::{Accounting, Fix, Status};
use distorch_fix::python::Source;
use libfuzzer_sys::{Corpus, fuzz_target};
use snippets::{FILE, repair, survey};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(source) = Source::parse(Path::new(FILE), bytes.to_vec()) else { return Corpus::Reject };
    let files = [(FILE, source.text())];
    for &fix in Fix::ALL {
        for accounting in [Accounting::Resident, Accounting::Offload] {
            // What is not understood is never written.
            if survey(&files, fix, accounting).1.status == Status::Needed {
                repair(&files, fix, accounting);
            }
        }
    }
    Corpus::Keep
});
