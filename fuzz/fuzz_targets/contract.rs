//! A model's contract from any text: read or refused, never a panic; what is read is written and read back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use truevision::infer::contract::Contract;

fuzz_target!(|text: &str| {
    if let Ok(contract) = Contract::parse(text) {
        let again = toml::to_string(&contract).expect("a contract can be written");
        assert_eq!(Contract::parse(&again), Ok(contract));
    }
});
