//! The reference allocator over models of growing size: time must grow with the blocks, and no faster.
//!
//! `cargo bench --bench allocator`; the figure to reach is 1,000,000 blocks in 0.1 s. `against_upstream.py` beside this
//! file compares 3,000 blocks with the node's own Python.

use distorch_fix::allocator::{
    Accounting, AllocationString, Block, Machine, Model, Options, Policy, allocate, placement, table,
};

const BLOCKS: [usize; 5] = [1_000, 3_000, 10_000, 100_000, 1_000_000];

fn main() {
    divan::main();
}

/// Blocks of about 11.2 GiB in all, whatever their number; every seventh is tiny.
fn blocks(count: usize) -> Vec<Block> {
    let share = (12_000_000_000 / count) as u64;
    let block = |index: usize| {
        let resident_bytes = if index.is_multiple_of(7) { 1 } else { share + (index % 5) as u64 };
        Block {
            name: format!("blocks.{}.ffn.{}", index / 10, index % 10),
            kind: if index.is_multiple_of(7) { "RMSNorm" } else { "Linear" }.into(),
            resident_bytes,
            offload_bytes: 3 * resident_bytes,
            has_bias: true,
        }
    };
    (0..count).map(block).collect()
}

fn machine() -> Machine {
    Machine::new([("cpu", 64 << 30), ("cuda:0", 12 << 30), ("cuda:1", 16 << 30)])
}

/// A load list made into a model: names are compared here.
#[divan::bench(args = BLOCKS, sample_count = 20)]
fn model(bencher: divan::Bencher, count: usize) {
    bencher.with_inputs(|| blocks(count)).bench_values(Model::new);
}

/// Everything that `allocate` does, for a model that is there.
#[divan::bench(args = BLOCKS, sample_count = 20)]
fn allocate_model(bencher: divan::Bencher, count: usize) {
    let (model, machine) = (Model::new(blocks(count)), machine());
    let string = AllocationString::parse("cuda:0,4gb;cuda:1,4gb;cpu,*").expect("a valid string");
    let options = Options { policy: Policy::CpuFallback, ..Options::default() };
    bencher.bench(|| allocate(&model, &machine, &string, &options).expect("all devices are there"));
}

/// The same for a CLIP model, whose names are searched for heads.
#[divan::bench(args = BLOCKS, sample_count = 20)]
fn allocate_clip(bencher: divan::Bencher, count: usize) {
    let (model, machine) = (Model::new(blocks(count)), machine());
    let string = AllocationString::parse("cuda:0,4gb;cuda:1,4gb").expect("a valid string");
    let options = Options { clip: true, ..Options::default() };
    bencher.bench(|| allocate(&model, &machine, &string, &options).expect("all devices are there"));
}

/// From a load list to the allocation.
#[divan::bench(args = BLOCKS, sample_count = 20)]
fn model_and_allocate(bencher: divan::Bencher, count: usize) {
    let machine = machine();
    let string = AllocationString::parse("cuda:0,4gb;cuda:1,4gb").expect("a valid string");
    bencher.with_inputs(|| blocks(count)).bench_values(|blocks| {
        let model = Model::new(blocks);
        let allocation = allocate(&model, &machine, &string, &Options::default());
        (model, allocation) // returned, so that dropping a million names is not timed
    });
}

/// Placement alone.
#[divan::bench(args = BLOCKS, sample_count = 20)]
fn place(bencher: divan::Bencher, count: usize) {
    let model = Model::new(blocks(count));
    let string = AllocationString::parse("cuda:0,0.33;cuda:1,0.25;cpu,0.05").expect("a valid string");
    let fractions = match string.request() {
        distorch_fix::allocator::Request::Fraction(fractions) => fractions.clone(),
        other => unreachable!("a string of fractions: {other:?}"),
    };
    let devices = table::devices(&fractions, &machine()).expect("all devices are there");
    bencher.bench(|| placement::place(&model, Accounting::Resident, &devices, string.compute_device(), false));
}
