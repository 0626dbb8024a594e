//! What can go wrong with a source, told apart by what a person has to do. In: GStreamer's errors and what is known
//! of the connection. Out: [`Error`], whose `code` is stable for API and metrics. Made by `connection`, read by everyone.

use gstreamer as gst;
use url::Url;

use super::address::Target;
use crate::secret::{REDACTED, redact_url};

/// A reason is cut to so many characters: GStreamer appends whole codec headers.
const WHY_CHARS: usize = 240;

/// Every message names the source without its credentials, then why, then what to do. `lasting`: a file stays as it
/// is, while a camera, server or screen may answer otherwise at the next try.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("{source_name}: not found, or not to be read ({why}); check the path or address")]
    NotFound { source_name: String, why: String, lasting: bool },
    #[error("{source_name}: access refused ({why}); set the right user and password, then restart the stream")]
    Unauthorised { source_name: String, why: String },
    #[error("{source_name}: cannot be opened ({why}); check that it is on, reachable and not in use")]
    Unreachable { source_name: String, why: String, lasting: bool },
    #[error("{source_name}: connected, but no frame for {secs:.0} s; check the camera and the transport (udp, tcp)")]
    NoFrames { source_name: String, secs: f64, lasting: bool },
    #[error("{source_name}: there is no video in it; choose a source with a picture")]
    NoVideo { source_name: String, lasting: bool },
    #[error("{source_name}: damaged, or no video ({why}); check it with another player")]
    Damaged { source_name: String, why: String, lasting: bool },
    #[error(
        "{source_name}: no decoder for it here ({why}); install its GStreamer plug-in, or use H.264, H.265, VP8, VP9 or MJPEG"
    )]
    Unsupported { source_name: String, why: String, lasting: bool },
    #[error(
        "{source_name}: its picture ends at {played_secs:.1} s of the {announced_secs:.1} s announced; it may be cut off"
    )]
    EndedEarly { source_name: String, played_secs: f64, announced_secs: f64 },
    #[error("{source_name}: ended by the other side; check that it still sends")]
    Ended { source_name: String },
    #[error("{source_name}: {count} earlier connections do not close; restart the program if this stays")]
    Stuck { source_name: String, count: usize },
    #[error("{source_name}: {fault}")]
    Settings { source_name: String, fault: String },
    #[error("{source_name}: {why}")]
    NoGpuDecoder { source_name: String, why: String },
    #[error("{source_name}: gstreamer cannot run its pipeline ({why}); run `make setup`")]
    Pipeline { source_name: String, why: String },
}

impl Error {
    /// A short stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Unauthorised { .. } => "unauthorised",
            Self::Unreachable { .. } => "unreachable",
            Self::NoFrames { .. } => "no_frames",
            Self::NoVideo { .. } => "no_video",
            Self::Damaged { .. } => "damaged",
            Self::Unsupported { .. } => "unsupported",
            Self::EndedEarly { .. } => "ended_early",
            Self::Ended { .. } => "ended",
            Self::Stuck { .. } => "stuck",
            Self::Settings { .. } => "settings",
            Self::NoGpuDecoder { .. } => "no_gpu_decoder",
            Self::Pipeline { .. } => "pipeline",
        }
    }

    /// Whether trying again can help by itself: never with a wrong password (cameras lock the account), nor with a
    /// file that is not there or holds no video; a camera's path may come back with the camera.
    pub fn retry(&self) -> bool {
        match self {
            Self::Ended { .. } | Self::Stuck { .. } => true,
            Self::NotFound { lasting, .. }
            | Self::Unreachable { lasting, .. }
            | Self::NoFrames { lasting, .. }
            | Self::NoVideo { lasting, .. }
            | Self::Damaged { lasting, .. }
            | Self::Unsupported { lasting, .. } => !lasting,
            Self::Unauthorised { .. }
            | Self::EndedEarly { .. }
            | Self::Settings { .. }
            | Self::NoGpuDecoder { .. }
            | Self::Pipeline { .. } => false,
        }
    }

    /// From an error message on the bus. `heard`: the source has answered or sent something. `lacking`: caps names
    /// that no decoder was found for, as "video/x-foo".
    pub(super) fn from_bus(target: &Target, message: &gst::message::Error, heard: bool, lacking: &[String]) -> Self {
        let error = message.error();
        let (source_name, lasting) = (target.shown.clone(), target.kind.lasts());
        // An element writes what really happened under the place in its code: "Unauthorized (401), URL: ...".
        let debug = message.debug().unwrap_or_default();
        let detail = debug.split_once('\n').map_or("", |(_, rest)| rest.trim());
        let why = scrub(format!("{} {detail}", error.message()).trim(), target);
        if let Some(resource) = error.kind::<gst::ResourceError>() {
            return match resource {
                gst::ResourceError::NotAuthorized => Self::Unauthorised { source_name, why },
                // A folder, or a file without the permission to read it.
                gst::ResourceError::OpenRead if lasting => Self::NotFound { source_name, why, lasting },
                gst::ResourceError::NotFound => Self::NotFound { source_name, why, lasting },
                _ => Self::Unreachable { source_name, why, lasting },
            };
        }
        match (error.kind::<gst::CoreError>(), error.kind::<gst::StreamError>()) {
            (Some(gst::CoreError::MissingPlugin), _) | (_, Some(gst::StreamError::CodecNotFound)) => {
                if lacking.iter().any(|caps| caps.starts_with("video/") || caps.starts_with("image/")) {
                    Self::Unsupported { source_name, why: lacking.join(", "), lasting }
                } else {
                    Self::NoVideo { source_name, lasting }
                }
            }
            (Some(_), _) => Self::Pipeline { source_name, why },
            // The HTTP source says no more than "internal data stream error" when nobody answers.
            _ if !heard && !lasting => Self::Unreachable { source_name, why: "no answer".into(), lasting },
            _ => Self::Damaged { source_name, why, lasting },
        }
    }
}

/// A message of GStreamer without what an address in it, or the password, would tell.
fn scrub(text: &str, target: &Target) -> String {
    let words: Vec<String> = text.split_whitespace().map(without_address).collect();
    let mut text = words.join(" ");
    if !target.password.is_empty() {
        text = text.replace(target.password.expose(), REDACTED);
    }
    text.truncate(text.char_indices().nth(WHY_CHARS).map_or(text.len(), |(at, _)| at));
    text.trim_end_matches('.').to_owned()
}

fn without_address(word: &str) -> String {
    let Some(slashes) = word.find("://") else { return word.to_owned() };
    let start = word[..slashes].rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
    let (before, url) = word.split_at(start);
    let url = url.trim_end_matches([',', '.', ';', ')', '"', '\'']);
    if Url::parse(url).is_ok() { format!("{before}{}", redact_url(url)) } else { REDACTED.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn from(address: &str, error: impl gst::MessageErrorDomain, text: &str, debug: &str, lacking: &[&str]) -> Error {
        gst::init().unwrap();
        let target = Target::new(address, "", &Secret::default()).unwrap();
        let message = gst::message::Error::builder(error, text).debug(debug).build();
        let gst::MessageView::Error(message) = message.view() else { unreachable!("it was built as an error") };
        let lacking: Vec<String> = lacking.iter().map(|&caps| caps.to_owned()).collect();
        Error::from_bus(&target, message, true, &lacking)
    }

    #[test]
    fn a_wrong_password_is_told_apart_from_a_dead_link() {
        let address = "rtsp://bob:hunter2@cam/1";
        let refused = from(address, gst::ResourceError::NotAuthorized, "Unauthorized", "", &[]);
        assert_eq!((refused.code(), refused.retry()), ("unauthorised", false));
        let dead = from(address, gst::ResourceError::OpenReadWrite, "Failed to connect.", "", &[]);
        assert_eq!((dead.code(), dead.retry()), ("unreachable", true));
    }

    #[test]
    fn no_message_shows_the_credentials() {
        let address = "http://bob:hunter2@cam/1?token=s3cret";
        let debug =
            "soup.c(1): f ():\nForbidden (403), URL: http://cam/1?token=s3cret, Redirect to: http://x:hunter2@y/";
        let error = from(address, gst::ResourceError::Failed, "Cannot read http://cam/1?token=s3cret.", debug, &[]);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("Forbidden (403)"), "{shown}");
    }

    #[test]
    fn files_and_the_rest_differ_in_what_can_come_back() {
        let missing = |address| from(address, gst::ResourceError::NotFound, "Not found", "", &[]);
        assert!(!missing("clip.mp4").retry());
        assert!(missing("rtsp://cam/1").retry());
        assert!(missing("/dev/video3").retry());
    }

    #[test]
    fn audio_alone_is_no_video_and_a_strange_codec_is_unsupported() {
        let of = |lacking| from("a.mp4", gst::CoreError::MissingPlugin, "missing a plug-in", "", lacking);
        assert_eq!(of(&["audio/mpeg"]).code(), "no_video");
        assert_eq!(of(&["audio/mpeg", "video/x-foo"]).code(), "unsupported");
    }
}
