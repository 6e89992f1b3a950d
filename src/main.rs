//! The command line: parse, run, exit.

use std::process::ExitCode;
use std::thread;

use clap::Parser;
use distorch_fix::cli::Cli;
use distorch_fix::commands;

/// Counts what is allocated, so that code in the sandbox can be kept to its share.
#[global_allocator]
static ALLOCATOR: monty_alloc::LimitedAllocator = monty_alloc::LimitedAllocator;

/// What the whole process may allocate, in bytes: far beyond what the sandbox is allowed, which is checked first and
/// ends in an error; this would end the process.
const MOST_MEMORY_BYTES: usize = 2 * 1024 * 1024 * 1024;

/// Trees can be deep, and the main thread of a Windows program has 1 MiB of stack.
const STACK_BYTES: usize = 16 * 1024 * 1024;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = monty_alloc::set_limit(Some(MOST_MEMORY_BYTES), false) {
        eprintln!("error: cannot limit memory: {error}");
        return ExitCode::from(2);
    }
    let worker = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || commands::run(&cli));
    match worker.map(thread::JoinHandle::join) {
        Ok(Ok(outcome)) => outcome.into(),
        // Whatever panicked has said so already.
        Ok(Err(_)) => ExitCode::from(2),
        Err(error) => {
            eprintln!("error: cannot start a thread: {error}");
            ExitCode::from(2)
        }
    }
}
