//! From a stream's settings to a pipeline that is starting. In: [`Config`]. Out: the pipeline with its appsink, its
//! frame counter in place. Called by `connection` on a thread of its own, since starting can block on a network.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app::AppSink;

use super::address::{Kind, Target};
use super::{Config, Error, Transport};
use crate::secret::redact_url;

/// A pipeline that was set playing, and what is needed of it.
pub(super) struct Pipeline {
    pub element: gst::Pipeline,
    pub frames: AppSink,
    pub bus: gst::Bus,
    /// Decoded frames that reached the appsink.
    pub arrived: Arc<AtomicU64>,
}

fn description(kind: Kind) -> &'static str {
    match kind {
        Kind::File => include_str!("../../pipelines/file.launch"),
        Kind::Rtsp => include_str!("../../pipelines/rtsp.launch"),
        Kind::Http => include_str!("../../pipelines/http.launch"),
        Kind::Srt => include_str!("../../pipelines/srt.launch"),
        Kind::V4l2 => include_str!("../../pipelines/v4l2.launch"),
        Kind::Screen => include_str!("../../pipelines/screen.launch"),
        Kind::Test => include_str!("../../pipelines/test.launch"),
    }
}

impl Pipeline {
    /// Builds the pipeline and asks it to play. What fails from here on is told on its bus.
    pub fn start(kind: Kind, config: &Config) -> Result<Self, Error> {
        let broken = |why: String| Error::Pipeline { source_name: redact_url(&config.url), why };
        gst::init().map_err(|error| broken(error.to_string()))?;
        // GStreamer's parser knows no comments.
        let text: Vec<&str> = description(kind).lines().filter(|line| !line.starts_with('#')).collect();
        let element = gst::parse::launch(&text.join(" ")).map_err(|error| broken(error.to_string()))?;
        let element = element.downcast::<gst::Pipeline>().map_err(|_| broken("it is not a pipeline".into()))?;
        let by_name = |name: &str| element.by_name(name).ok_or_else(|| broken(format!("no element is named {name}")));
        let source = by_name("source")?;
        let frames = by_name("frames")?.downcast::<AppSink>().map_err(|_| broken("frames is no appsink".into()))?;
        configure_source(kind, config, &source);
        configure_frames(kind, config, &frames);
        if let Some(decode) = element.by_name("decode") {
            leave_audio_alone(&decode);
        }
        one_thread_a_decoder(&element);
        let arrived = count(&frames);
        let bus = element.bus().ok_or_else(|| broken("it has no bus".into()))?;
        // A failure here is told on the bus as well, with more words.
        let _ = element.set_state(gst::State::Playing);
        Ok(Self { element, frames, bus, arrived })
    }
}

/// Stops it, which may block as long as the source takes to let go: see `connection` for where that happens.
impl Drop for Pipeline {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = self.element.set_state(gst::State::Null);
    }
}

/// The address and what goes with it, as properties: a password never becomes part of a text.
fn configure_source(kind: Kind, config: &Config, source: &gst::Element) {
    let target = Target::new(kind, &config.url, &config.user, &config.password);
    let login = |source: &gst::Element| {
        if !target.user.is_empty() {
            source.set_property("user-id", &target.user);
            source.set_property("user-pw", target.password.expose());
        }
    };
    match kind {
        Kind::File => source.set_property("location", &target.location),
        Kind::Http => {
            source.set_property("location", &target.location);
            login(source);
        }
        Kind::Rtsp => {
            source.set_property("location", &target.location);
            login(source);
            let protocols = match config.transport {
                Transport::Auto => "tcp+udp-mcast+udp",
                Transport::Tcp => "tcp",
                Transport::Udp => "udp-mcast+udp",
            };
            source.set_property_from_str("protocols", protocols);
        }
        Kind::Srt => source.set_property("uri", &target.location),
        Kind::V4l2 => source.set_property("device", &target.location),
        Kind::Screen | Kind::Test => {}
    }
}

fn configure_frames(kind: Kind, config: &Config, frames: &AppSink) {
    if matches!(kind, Kind::File | Kind::Http) {
        let live = config.is_live();
        frames.set_sync(live);
        frames.set_drop(live);
        // Without dropping, a few frames let decoder and analysis run side by side.
        frames.set_max_buffers(if live { 1 } else { 4 });
    }
}

/// Audio is exposed as it is and goes nowhere: it is not decoded.
fn leave_audio_alone(decode: &gst::Element) {
    decode.connect("autoplug-continue", false, |values| {
        let caps = values.get(2).and_then(|value| value.get::<gst::Caps>().ok());
        let audio = caps.is_some_and(|caps| caps.structure(0).is_some_and(|s| s.name().starts_with("audio/")));
        Some((!audio).to_value())
    });
}

/// Many streams share few cores: threads inside each decoder only add latency and memory.
fn one_thread_a_decoder(pipeline: &gst::Pipeline) {
    pipeline.connect_deep_element_added(|_, _, element| {
        let decoder = element.factory().is_some_and(|f| is_video_decoder(&f));
        if decoder && element.has_property("max-threads") {
            element.set_property_from_str("max-threads", "1");
        }
    });
}

pub(super) fn is_video_decoder(factory: &gst::ElementFactory) -> bool {
    // MJPEG's decoder counts as one of images.
    let pictures = gst::ElementFactoryType::MEDIA_VIDEO | gst::ElementFactoryType::MEDIA_IMAGE;
    factory.has_type(gst::ElementFactoryType::DECODER | pictures)
}

/// The one thing of ours that GStreamer's threads do: count.
fn count(frames: &AppSink) -> Arc<AtomicU64> {
    let arrived = Arc::new(AtomicU64::new(0));
    if let Some(pad) = frames.static_pad("sink") {
        let arrived = arrived.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            arrived.fetch_add(1, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
    }
    arrived
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_pipeline_that_parses_with_the_elements_that_are_set() {
        gst::init().unwrap();
        for kind in [Kind::File, Kind::Rtsp, Kind::Http, Kind::Srt, Kind::V4l2, Kind::Screen, Kind::Test] {
            let text: Vec<&str> = description(kind).lines().filter(|line| !line.starts_with('#')).collect();
            let pipeline = gst::parse::launch(&text.join(" ")).unwrap_or_else(|e| panic!("{}: {e}", kind.name()));
            let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
            let config = Config { url: "rtsp://bob:hunter2@cam/1".into(), ..Config::default() };
            configure_source(kind, &config, &pipeline.by_name("source").unwrap());
            let frames = pipeline.by_name("frames").unwrap().downcast::<AppSink>().unwrap();
            configure_frames(kind, &config, &frames);
            assert!(!text.join(" ").contains('@'), "no credentials in pipelines/{}.launch", kind.name());
        }
    }
}
