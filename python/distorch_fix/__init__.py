"""distorch-fix, a program written in Rust. `python -m distorch_fix` runs it."""
