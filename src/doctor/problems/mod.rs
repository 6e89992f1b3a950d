//! The problems, each in a module of its own.

mod absent_gpu;
mod changed_patches;
mod cpu_remainder;
mod eviction;
mod fraction_of_device;
mod gpu_order;
mod hidden_gpu;
mod load_list;
mod main_memory;
mod misread_string;
mod not_distributed;
mod not_parallel;
mod one_gpu;
mod out_of_memory;
mod pinned_memory;
mod sage_attention;
mod text_encoder_on_cpu;
mod text_encoder_stays;
mod torch_compile;
mod wan_wrapper;

use super::Problem;

/// Every problem: of those of the same rank, what is to be dealt with first comes first.
pub static PROBLEMS: &[&Problem] = &[
    &load_list::PROBLEM,
    &hidden_gpu::PROBLEM,
    &absent_gpu::PROBLEM,
    &pinned_memory::PROBLEM,
    &gpu_order::PROBLEM,
    &misread_string::PROBLEM,
    &fraction_of_device::PROBLEM,
    &not_distributed::PROBLEM,
    &wan_wrapper::PROBLEM,
    &sage_attention::PROBLEM,
    &torch_compile::PROBLEM,
    &out_of_memory::PROBLEM,
    &main_memory::PROBLEM,
    &cpu_remainder::PROBLEM,
    &one_gpu::PROBLEM,
    &eviction::PROBLEM,
    &text_encoder_stays::PROBLEM,
    &text_encoder_on_cpu::PROBLEM,
    &changed_patches::PROBLEM,
    &not_parallel::PROBLEM,
];
