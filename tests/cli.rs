//! What every command prints, and its exit code, on every fixture and in every kind of trouble.
//!
//! `TRYCMD=overwrite cargo test --test cli` writes the transcripts anew; read the difference before committing it.

#[test]
fn transcripts() {
    let cases = trycmd::TestCases::new();
    // In a GitHub job, `--format github` is about that job.
    cases.env("NO_COLOR", "1").env("GITHUB_WORKSPACE", "").env("GITHUB_STEP_SUMMARY", "");
    // A file, so that nothing is kept there: what is shown was run.
    cases.env("XDG_CACHE_HOME", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    cases.case("tests/cli/*.trycmd").case("README.md");
}
