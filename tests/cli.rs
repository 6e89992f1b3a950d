//! What every command prints, and its exit code, on every fixture and in every kind of trouble.
//!
//! `TRYCMD=overwrite cargo test --test cli` writes the transcripts anew; read the difference before committing it.

#[test]
fn transcripts() {
    trycmd::TestCases::new().env("NO_COLOR", "1").case("tests/cli/*.trycmd").case("README.md");
}
