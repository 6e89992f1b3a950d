//! The command line: parse, run, exit.

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::Parser;
use distorch_fix::cli::Cli;
use distorch_fix::commands;
use distorch_fix::parallel::STACK_BYTES;

/// Counts allocations, so that the memory of sandboxed code can be limited.
#[global_allocator]
static ALLOCATOR: monty_alloc::LimitedAllocator = monty_alloc::LimitedAllocator;

/// What the whole process may allocate, in bytes. It is far more than the sandbox may use: exceeding the sandbox's
/// limit is an error, exceeding this one ends the process.
const MOST_MEMORY_BYTES: usize = 2 * 1024 * 1024 * 1024;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = monty_alloc::set_limit(Some(MOST_MEMORY_BYTES), false) {
        eprintln!("error: cannot limit memory: {error}");
        return ExitCode::from(2);
    }
    // The main thread of a Windows program has 1 MiB of stack.
    let run = AssertUnwindSafe(|| stacker::grow(STACK_BYTES, || commands::run(&cli)));
    // The panic was reported already.
    panic::catch_unwind(run).map_or(ExitCode::from(2), Into::into)
}
