//! For programs: the whole report, as it is.

use anyhow::Result;

use super::Report;

/// The report as a JSON document, described in `docs/json.md` and `schema/report.schema.json`.
pub fn document(report: &Report) -> Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use schemars::generate::SchemaSettings;

    use super::*;

    /// `UPDATE=1 cargo test` writes it anew.
    #[test]
    fn the_schema_is_that_of_the_report() {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut schema = generator.into_root_schema_for::<Report>();
        schema.insert("title".into(), "A report of distorch-fix".into());
        let schema = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/report.schema.json");
        if env::var_os("UPDATE").is_some() {
            fs::write(path, &schema).unwrap();
        }
        assert_eq!(fs::read_to_string(path).unwrap(), schema, "UPDATE=1 cargo test writes it anew");
    }
}
