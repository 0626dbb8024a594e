//! Which decoder a stream may use. In: the setting, and GStreamer's elements by name. Out: whether one is taken, and that
//! a GPU's come first where there are any. Asked by `launch`; what was really taken is in `Connection::decoder`.

use std::sync::Once;

use gst::glib;
use gst::prelude::*;
use gstreamer as gst;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a stream is decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decoder {
    /// On the GPU where GStreamer offers a decoder for it that works, else on the CPU; `decoder` of the stream says which.
    #[default]
    Auto,
    Cpu,
    /// On the GPU or not at all.
    Gpu,
}

impl Decoder {
    /// Whether decodebin may try this element.
    pub(super) fn takes(self, element: &str) -> bool {
        match self {
            Self::Auto => true,
            Self::Cpu => !on_gpu(element),
            Self::Gpu => on_gpu(element),
        }
    }

    /// Why no decoder can serve at all, of those that are offered.
    pub(super) fn lacks<'a>(self, mut offered: impl Iterator<Item = &'a str>) -> Option<&'static str> {
        let none = self == Self::Gpu && !offered.any(on_gpu);
        none.then_some(
            "decoder = \"gpu\", and GStreamer offers no decoder on a GPU here: see docs/gpu.md, or use \"auto\"",
        )
    }
}

/// NVIDIA's decoders, by GStreamer's names: nvh264dec, nvh264sldec (stateless), nvh264device1dec (a second GPU).
pub fn on_gpu(element: &str) -> bool {
    element.starts_with("nv") && element.ends_with("dec")
}

/// The decoders that GStreamer offers, by name.
pub(super) fn offered() -> Vec<String> {
    factories().map(|factory| factory.name().to_string()).collect()
}

fn factories() -> impl Iterator<Item = gst::ElementFactory> {
    let kind = gst::ElementFactoryType::DECODER | gst::ElementFactoryType::MEDIA_VIDEO;
    gst::ElementFactory::factories_with_type(kind, gst::Rank::MARGINAL).into_iter()
}

/// Ranks a GPU's decoders above all others, once a process: decodebin tries the highest first, and the next when one cannot
/// start (GStreamer 1.22 has them beside or below libav's).
pub(super) fn prefer_gpu() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        for factory in factories().filter(|factory| on_gpu(&factory.name())) {
            factory.set_rank(raised(factory.rank()));
        }
    });
}

fn raised(rank: gst::Rank) -> gst::Rank {
    rank + 2 * i32::from(gst::Rank::PRIMARY)
}

/// Has a decodebin skip what this stream must not use.
pub(super) fn restrict(decodebin: &gst::Element, wanted: Decoder) {
    if wanted == Decoder::Auto {
        return;
    }
    decodebin.connect("autoplug-select", false, move |values| {
        let factory = values.get(3).and_then(|value| value.get::<gst::ElementFactory>().ok());
        let refused = factory.is_some_and(|factory| {
            let kind = gst::ElementFactoryType::DECODER | gst::ElementFactoryType::MEDIA_VIDEO;
            factory.has_type(kind) && !wanted.takes(&factory.name())
        });
        // GstAutoplugSelectResult, which has no binding.
        let results = glib::EnumClass::with_type(glib::Type::from_name("GstAutoplugSelectResult")?)?;
        results.to_value_by_nick(if refused { "skip" } else { "try" })
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What decodebin plugs in of these, by rank and then by name, as GStreamer sorts factories.
    fn plugged<'a>(wanted: Decoder, offered: &[(&'a str, gst::Rank)]) -> Option<&'a str> {
        let rank = |(name, rank): &(&str, gst::Rank)| if on_gpu(name) { raised(*rank) } else { *rank };
        let mut order = offered.to_vec();
        order.sort_by(|a, b| rank(b).cmp(&rank(a)).then(a.0.cmp(b.0)));
        order.into_iter().map(|(name, _)| name).find(|name| wanted.takes(name))
    }

    #[test]
    fn the_gpu_comes_first_and_what_is_named_is_never_replaced() {
        let (primary, secondary) = (gst::Rank::PRIMARY, gst::Rank::SECONDARY);
        let with_gpu = [("avdec_h264", primary), ("nvh264dec", primary), ("nvh264sldec", secondary)];
        let stateless = [("avdec_h264", primary), ("nvh264sldec", secondary)];
        let without = [("avdec_h264", primary), ("openh264dec", secondary)];
        for (offered, auto, cpu, gpu) in [
            (&with_gpu[..], Some("nvh264dec"), Some("avdec_h264"), Some("nvh264dec")),
            (&stateless, Some("nvh264sldec"), Some("avdec_h264"), Some("nvh264sldec")),
            (&without, Some("avdec_h264"), Some("avdec_h264"), None),
            (&[("nvh265dec", primary)], Some("nvh265dec"), None, Some("nvh265dec")),
        ] {
            assert_eq!(plugged(Decoder::Auto, offered), auto, "{offered:?}");
            assert_eq!(plugged(Decoder::Cpu, offered), cpu, "{offered:?}");
            assert_eq!(plugged(Decoder::Gpu, offered), gpu, "{offered:?}");
        }
    }

    #[test]
    fn a_gpu_that_is_named_and_not_there_is_told() {
        let without = ["avdec_h264", "jpegdec", "nvjpegenc"];
        assert!(Decoder::Gpu.lacks(without.into_iter()).unwrap().contains("docs/gpu.md"));
        assert_eq!(Decoder::Gpu.lacks(["avdec_h264", "nvh265dec"].into_iter()), None);
        for other in [Decoder::Auto, Decoder::Cpu] {
            assert_eq!(other.lacks(without.into_iter()), None);
        }
    }
}
