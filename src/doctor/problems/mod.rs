//! The problems, each in a module of its own.

mod absent_gpu;
mod aimdo;
mod changed_patches;
mod cpu_remainder;
mod cuda_runtime;
mod device_argument;
mod dynamic_vram;
mod eviction;
mod fraction_of_device;
pub(super) mod gpu_order;
mod hidden_gpu;
mod load_list;
mod lost_repair;
mod main_memory;
mod misread_string;
mod missing_pack;
mod no_compute_device;
mod not_distributed;
mod not_imported;
mod not_parallel;
mod one_gpu;
mod out_of_memory;
mod patcher_attribute;
mod pinned_memory;
mod sage_attention;
mod stack_overflow;
mod text_encoder_on_cpu;
mod text_encoder_stays;
mod torch_compile;
mod unrepaired;
mod wan_wrapper;
mod workflow_errors;
mod wrong_field;

use super::Problem;

/// Every problem: of those of the same rank, what is to be dealt with first comes first.
pub static PROBLEMS: &[&Problem] = &[
    &not_imported::PROBLEM,
    &lost_repair::PROBLEM,
    &load_list::PROBLEM,
    &wrong_field::PROBLEM,
    &unrepaired::PROBLEM,
    &missing_pack::PROBLEM,
    &workflow_errors::PROBLEM,
    &aimdo::PROBLEM,
    &stack_overflow::PROBLEM,
    &cuda_runtime::PROBLEM,
    &patcher_attribute::PROBLEM,
    &no_compute_device::PROBLEM,
    &device_argument::PROBLEM,
    &dynamic_vram::PROBLEM,
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

/// Those that another start of ComfyUI solves.
pub(super) static OF_START: &[&Problem] =
    &[&hidden_gpu::PROBLEM, &pinned_memory::PROBLEM, &gpu_order::PROBLEM, &dynamic_vram::PROBLEM];
