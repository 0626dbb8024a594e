//! Any answer of a face network: faces of sane numbers or none, never a panic.
//! Input: the network's kind (1 byte), where its outputs are parted (1 byte), then `f32` bits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use truevision::faces::{Decoder, Kind};

fuzz_target!(|data: &[u8]| {
    let [kind, parts, floats @ ..] = data else { return };
    let kind = [Kind::BlazefaceFull, Kind::BlazefaceShort, Kind::Yunet][usize::from(*kind) % 3];
    let floats: Vec<f32> = floats.as_chunks::<4>().0.iter().map(|bits| f32::from_le_bytes(*bits)).collect();
    let outputs: Vec<&[f32]> = floats.chunks(1 + usize::from(*parts) * 16).collect();
    for face in Decoder::new(kind, 320).faces(&outputs, 0.5, 0.3) {
        assert!(face.numbers().iter().all(|number| number.is_finite()), "{face:?}");
    }
});
