//! Schemas to hold documents to.

use std::fs;

use serde_json::Value;

/// A schema, compiled.
pub struct Validator {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

/// The schema in a file.
pub fn validator(schema: &str) -> Validator {
    // JavaScript takes a bracket that closes nothing for itself, as in the SARIF schema; other engines want it escaped.
    let text = fs::read_to_string(schema).unwrap().replace("{2}]?$", r"{2}\\]?$");
    let mut compiler = boon::Compiler::new();
    compiler.enable_format_assertions();
    compiler.add_resource(schema, serde_json::from_str(&text).unwrap()).unwrap();
    let mut schemas = boon::Schemas::new();
    let index = compiler.compile(schema, &mut schemas).unwrap();
    Validator { schemas, index }
}

impl Validator {
    /// Does a document hold to it?
    pub fn accepts(&self, document: &Value) -> bool {
        self.schemas.validate(document, self.index).is_ok()
    }
}

/// Fails unless a document holds to a schema.
pub fn holds(validator: &Validator, document: &Value, what: &str) {
    if let Err(error) = validator.schemas.validate(document, validator.index) {
        panic!("{what}: {error:#}");
    }
}
