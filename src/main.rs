//! The command line: parse, run, exit.

use std::process::ExitCode;
use std::thread;

use clap::Parser;
use distorch_fix::cli::Cli;
use distorch_fix::commands;

/// Trees can be deep, and the main thread of a Windows program has 1 MiB of stack.
const STACK_BYTES: usize = 16 * 1024 * 1024;

fn main() -> ExitCode {
    let cli = Cli::parse();
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
