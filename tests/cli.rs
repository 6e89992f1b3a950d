//! What every command prints, and its exit code, on every fixture and in every kind of trouble.
//!
//! `UPDATE=1 cargo test` writes the transcripts anew, as `TRYCMD=overwrite` does; read the difference before committing it.

use std::path::absolute;
use std::process::Command;
use std::{env, fs};

#[test]
fn transcripts() {
    if env::var_os("UPDATE").is_some() && env::var_os("TRYCMD").is_none() {
        // trycmd asks its own variable, and a process should not change its environment: so another one is started.
        let again = Command::new(env::current_exe().unwrap()).env("TRYCMD", "overwrite").status().unwrap();
        assert!(again.success());
        return;
    }
    let cases = trycmd::TestCases::new();
    // In a GitHub job, `--format github` is about that job.
    cases.env("NO_COLOR", "1").env("GITHUB_WORKSPACE", "").env("GITHUB_STEP_SUMMARY", "");
    // A file, so that nothing is kept there: what is shown was run.
    cases.env("XDG_CACHE_HOME", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    if cfg!(windows) {
        // There the cache is in a folder beside the journals.
        let user = absolute(concat!(env!("CARGO_TARGET_TMPDIR"), "/cli")).unwrap();
        fs::create_dir_all(user.join("distorch-fix")).unwrap();
        fs::write(user.join("distorch-fix/cache"), "").unwrap();
        cases.env("LOCALAPPDATA", user.to_str().unwrap());
    }
    cases.case("tests/cli/*.trycmd").case("README.md");
}
