//! Prints what a model's load list holds, for the checks in `tests/real`: name, class, casts, has a bias, parameters.

use std::path::Path;

use distorch_fix::plan::{Loading, NamedModel, architecture};

fn main() -> anyhow::Result<()> {
    for path in std::env::args().skip(1) {
        let model = NamedModel::open(Path::new(&path), &Loading::default())?;
        let built = architecture::build(&model.contents.tensors);
        let types: Vec<_> = built.compute_types.iter().map(|dtype| format!("{dtype:?}")).collect();
        println!("file\t{path}");
        println!("architecture\t{}", built.architecture.unwrap_or("-"));
        println!("types\t{}", types.join(" "));
        println!("order\t{}", built.doubt.as_deref().unwrap_or("known"));
        for module in built.modules {
            let parameter = |parameter: &distorch_fix::plan::built::Parameter| {
                let fixed = parameter.fixed.map(|fixed| format!("={fixed:?}"));
                format!("{}{}{:?}", parameter.name, fixed.unwrap_or_default(), parameter.tensor.shape)
            };
            let parameters: Vec<_> = module.parameters.iter().map(parameter).collect();
            let (name, kind) = (module.name, module.kind);
            println!("{name}\t{kind}\t{}\t{}\t{}", module.casts, module.has_bias, parameters.join(" "));
        }
    }
    Ok(())
}
