//! The inputs that fuzzing keeps, and those that it found something with: what is asserted of any input
//! holds for each of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

#[path = "../fuzz/checks/checks.rs"]
mod checks;

use std::{fs, path::Path};

#[test]
fn every_input_of_the_corpus_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, check) in checks::ALL {
        let inputs = fs::read_dir(corpus.join(name)).unwrap();
        let mut count = 0;
        for input in inputs {
            let path = input.unwrap().path();
            // Shown where the check panics.
            println!("{}", path.display());
            check(&fs::read(&path).unwrap());
            count += 1;
        }
        assert!(count >= 10, "{name} has only {count} inputs");
    }
}

#[test]
fn every_check_has_its_fuzz_target() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let files = fs::read_dir(targets).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, checks::ALL.map(|(name, _)| name));
}
