//! What the fuzz targets share: what is asserted of an input, and how inputs are made of others.

#[path = "../checks/checks.rs"]
pub mod checks;
pub mod mutator;

/// The fuzz target of a check. With `json`, its inputs are JSON texts or hold some, and are changed as such.
#[macro_export]
macro_rules! target {
    ($check:path) => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            $check(data);
        });
    };
    ($check:path, json) => {
        $crate::target!($check);
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::mutator::mutate(data, size, max_size, seed)
        });
    };
}
