//! Builds the pipeline of a source from its file in `pipelines/`. In: the target and the settings. Out: [`Built`], not
//! yet started. Values reach the elements as properties, never as text. Called by `connection`.

use std::path::Path;
use std::sync::Arc;

use gst::glib;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use url::Url;

use super::address::{Kind, Target};
use super::tap::Inlet;
use super::{Config, Container, Decoder, Error, Transport, decoder, rtp};
use crate::pixels::cuda::Cuda;
use crate::secret::Secret;

/// Decoded frames that wait for a reader who must not miss one; the decoder stops behind them.
const FILE_SLOTS: u32 = 4;

/// A pipeline and the elements in it that the program works with.
pub(super) struct Built {
    pub pipeline: gst::Pipeline,
    pub source: gst::Element,
    /// What the decoder is linked to.
    pub convert: gst::Element,
    pub frames: gst_app::AppSink,
    /// Set when frames come in its memory.
    pub cuda: Option<Arc<Cuda>>,
}

/// How the pipelines' files end behind the decoder, and how they do when frames stay on the GPU: what comes there already
/// passes unchanged. A picture is then not turned upright.
const CPU_FRAMES: &str =
    "! videoconvert name=convert\n! videoflip video-direction=auto\n! video/x-raw,format=(string){I420,NV12}";
const GPU_FRAMES: &str = "! cudaupload name=convert\n! video/x-raw(memory:CUDAMemory),format=(string){I420,NV12}";

fn description(target: &Target) -> String {
    let text = match target.kind {
        Kind::File if Container::of_file(Path::new(&target.location)) == Some(Container::Jpeg) => {
            include_str!("../../pipelines/jpeg.launch")
        }
        Kind::File => include_str!("../../pipelines/file.launch"),
        Kind::Rtsp => include_str!("../../pipelines/rtsp.launch"),
        Kind::Http => include_str!("../../pipelines/http.launch"),
        Kind::Srt => include_str!("../../pipelines/srt.launch"),
        Kind::V4l2 => include_str!("../../pipelines/v4l2.launch"),
        Kind::Screen => include_str!("../../pipelines/screen.launch"),
        Kind::Test => include_str!("../../pipelines/test.launch"),
    };
    elements(text)
}

/// The text of a pipeline file without its comments, which GStreamer does not take.
pub(super) fn elements(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
}

/// `inlet`: where what goes into the decoder is handed over.
pub(super) fn build(target: &Target, config: &Config, inlet: Option<Inlet>) -> Result<Built, Error> {
    let fault = |why: String| Error::Pipeline { source_name: target.shown.clone(), why };
    decoder::prefer_gpu();
    let gpu = if config.decoder == Decoder::Gpu { Some(open_gpu(target)?) } else { None };
    let text = description(target);
    let text = if gpu.is_some() { text.replacen(CPU_FRAMES, GPU_FRAMES, 1) } else { text };
    let bin = gst::parse::launch(&text).map_err(|error| fault(error.to_string()))?;
    let pipeline = bin.downcast::<gst::Pipeline>().map_err(|_| fault("its file is no pipeline".into()))?;
    let cuda = gpu.map(|(cuda, context)| {
        // Also for what decodebin will plug in.
        pipeline.set_context(&context);
        cuda
    });
    let named = |name: &str| pipeline.by_name(name).ok_or_else(|| fault(format!("no element is named {name}")));
    let (source, convert) = (named("source")?, named("convert")?);
    let frames = named("frames")?;
    let frames = frames.downcast::<gst_app::AppSink>().map_err(|_| fault("frames is no appsink".into()))?;
    if !config.is_live() {
        frames.set_drop(false);
        frames.set_max_buffers(FILE_SLOTS);
    }
    if let Some(pace) = pipeline.by_name("pace") {
        pace.set_property("sync", config.realtime);
    }
    if let Some(decode) = pipeline.by_name("decode") {
        follow_codec_changes(&decode, &convert);
        decoder::restrict(&decode, config.decoder);
    }
    set_up_parts(&pipeline, target, inlet);
    point(&source, target, config.transport);
    Ok(Built { pipeline, source, convert, frames, cuda })
}

/// The GPU that decoders leave frames on, and its context as GStreamer takes it.
fn open_gpu(target: &Target) -> Result<(Arc<Cuda>, gst::Context), Error> {
    let fault = |why| Error::NoGpuDecoder { source_name: target.shown.clone(), why };
    if let Some(why) = Decoder::Gpu.lacks(decoder::offered().iter().map(String::as_str)) {
        return Err(fault(why.to_owned()));
    }
    let opened = Cuda::shared().and_then(|cuda| Ok((cuda.clone(), cuda.gst_context()?)));
    opened.map_err(|error| fault(error.to_string()))
}

/// Tells the source element where to go. The properties are those of GStreamer 1.22's own elements.
fn point(source: &gst::Element, target: &Target, transport: Transport) {
    let location = target.location.as_str();
    match target.kind {
        Kind::File => source.set_property("location", location),
        Kind::Http => {
            source.set_property("location", location);
            log_in(source, &target.user, &target.password);
        }
        Kind::Rtsp => {
            source.set_property("location", location);
            log_in(source, &target.user, &target.password);
            match transport {
                Transport::Auto => {}
                Transport::Tcp => source.set_property_from_str("protocols", "tcp"),
                Transport::Udp => source.set_property_from_str("protocols", "udp-mcast+udp"),
            }
            // Sound and metadata are not even asked for; a camera with nothing else then says so.
            source.connect("select-stream", false, |values| {
                let caps = values.get(2).and_then(|caps| caps.get::<gst::Caps>().ok());
                let video = caps.is_some_and(|caps| {
                    caps.structure(0).is_some_and(|s| s.get::<&str>("media").is_ok_and(|media| media == "video"))
                });
                Some(video.to_value())
            });
        }
        Kind::Srt => {
            source.set_property("uri", location);
            if !target.password.is_empty() {
                source.set_property("passphrase", target.password.expose());
            }
        }
        Kind::V4l2 => source.set_property("device", location),
        // The screen is a pipe that `connection` opens.
        Kind::Screen | Kind::Test => {}
    }
}

fn log_in(source: &gst::Element, user: &str, password: &Secret) {
    if !user.is_empty() {
        source.set_property("user-id", user);
        source.set_property("user-pw", password.expose());
    }
}

/// Sets what rtspsrc and decodebin plug in by themselves.
fn set_up_parts(pipeline: &gst::Pipeline, target: &Target, inlet: Option<Inlet>) {
    let target = target.clone();
    pipeline.connect_deep_element_added(move |_, parent, element| {
        if let Some(inlet) = &inlet {
            inlet.attach(parent, element);
        }
        let Some(factory) = element.factory() else { return };
        if factory.name() == "rtpjitterbuffer" {
            rtp::keep_times(element);
        }
        if factory.name().starts_with("avdec_") && factory.has_type(gst::ElementFactoryType::DECODER) {
            // Decoding in n threads holds n frames back, and many streams keep the cores busy as they are.
            if element.has_property("max-threads") {
                element.set_property("max-threads", 1);
            }
            // A picture with lost pieces would be evidence of a forgery that is none.
            if element.has_property("output-corrupt") {
                element.set_property("output-corrupt", false);
            }
        }
        // HLS fetches its segments by HTTP sources of its own; only the host that was named gets the password.
        if target.kind == Kind::Http
            && factory.name() == "souphttpsrc"
            && same_host(&target.location, &element.property::<Option<glib::GString>>("location"))
        {
            log_in(element, &target.user, &target.password);
        }
    });
}

fn same_host(address: &str, other: &Option<glib::GString>) -> bool {
    let host = |text: &str| Url::parse(text).ok().map(|url| url.origin());
    other.as_deref().is_some_and(|other| host(address) == host(other))
}

/// A new codec comes on a new pad of decodebin; what the pipeline's file linked was the first one only.
fn follow_codec_changes(decode: &gst::Element, convert: &gst::Element) {
    let convert = convert.downgrade();
    decode.connect_pad_added(move |_, pad| {
        let Some(input) = convert.upgrade().and_then(|convert| convert.static_pad("sink")) else { return };
        if !input.is_linked() && !pad.is_linked() {
            // A pad that does not fit stays unlinked, and its element reports that on the bus.
            let _ = pad.link(&input);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(address: &str, config: &Config) -> Built {
        gst::init().unwrap();
        let target = Target::new(address, &config.user, &config.password).unwrap();
        build(&target, config, None).unwrap_or_else(|error| panic!("{address}: {error}"))
    }

    #[test]
    fn every_pipeline_file_builds_and_keeps_the_newest_frame_only() {
        for address in
            ["a.mp4", "rtsp://c/1", "http://h/a.m3u8", "srt://h:1", "/dev/video7", "screen", "screen::9", "test"]
        {
            let built = built(address, &Config::default());
            assert!(built.frames.is_drop(), "{address}");
            assert_eq!(built.frames.max_buffers(), 1, "{address}");
        }
    }

    #[test]
    fn a_file_as_fast_as_possible_loses_nothing_and_keeps_no_pace() {
        let built = built("a.mp4", &Config { realtime: false, ..Config::default() });
        assert!(!built.frames.is_drop());
        assert!(!built.pipeline.by_name("pace").unwrap().property::<bool>("sync"));
    }

    #[test]
    fn every_pipeline_with_a_decoder_can_keep_its_frames_on_the_gpu() {
        for address in ["a.mp4", "rtsp://c/1", "http://h/a.m3u8", "srt://h:1", "/dev/video7"] {
            let text = description(&Target::new(address, "", &Secret::default()).unwrap());
            assert!(text.contains("decodebin name=decode") && text.contains(CPU_FRAMES), "{address}");
        }
    }

    #[test]
    fn a_gpu_that_is_named_and_not_there_fails_and_never_falls_back() {
        gst::init().unwrap();
        if decoder::offered().iter().any(|element| super::super::on_gpu(element)) {
            return;
        }
        let target = Target::new("rtsp://cam/1", "", &Secret::default()).unwrap();
        let config = Config { decoder: Decoder::Gpu, ..Config::default() };
        let error = build(&target, &config, None).err().expect("there is none");
        assert!(matches!(error, Error::NoGpuDecoder { .. }) && !error.retry(), "{error}");
        assert!(build(&target, &Config::default(), None).is_ok(), "auto takes the CPU");
    }

    #[test]
    fn credentials_and_transport_are_properties() {
        let config =
            Config { user: "eve".into(), password: Secret::new("pw"), transport: Transport::Tcp, ..Config::default() };
        let source = built("rtsp://bob:old@cam/1", &config).source;
        assert_eq!(source.property::<Option<String>>("location").unwrap(), "rtsp://cam/1");
        assert_eq!(source.property::<Option<String>>("user-id").unwrap(), "eve");
        assert_eq!(source.property::<Option<String>>("user-pw").unwrap(), "pw");
        let protocols = source.property_value("protocols");
        let (_, transports) = glib::FlagsValue::from_value(&protocols).unwrap();
        assert_eq!(transports.iter().map(|transport| transport.nick()).collect::<Vec<_>>(), ["tcp"]);
    }

    #[test]
    fn a_password_stays_with_its_host() {
        let other = |text: &str| Some(glib::GString::from(text));
        assert!(same_host("http://cam/live.m3u8", &other("http://cam:80/1.ts")));
        assert!(!same_host("http://cam/live.m3u8", &other("http://elsewhere/1.ts")));
        assert!(!same_host("https://cam/live.m3u8", &other("http://cam/1.ts")));
        assert!(!same_host("http://cam/live.m3u8", &None));
    }
}
