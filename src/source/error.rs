//! What can go wrong with a source, told apart by what a person has to do. In: GStreamer's errors and the kind of
//! source. Out: [`Error`], whose `code` is stable for API and metrics. Made by `connection`, read by everyone.

use gst::prelude::*;
use gstreamer as gst;

use super::address::Kind;
use crate::secret::redact_url;

/// Every message names the source without its credentials, then why, then what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("{source_name}: not found ({why}); check the path or address")]
    NotFound { source_name: String, why: String, remote: bool },
    #[error(
        "{source_name}: access refused ({why}); check user and password (or the file's permissions), then restart the stream"
    )]
    Unauthorised { source_name: String, why: String },
    #[error("{source_name}: cannot be reached ({why}); it is tried again")]
    Unreachable { source_name: String, why: String },
    #[error("{source_name}: connected, but no frame for {secs:.0} s; it is connected anew")]
    NoFrames { source_name: String, secs: f64 },
    #[error("{source_name}: there is no video in it; choose a source with a picture")]
    NoVideo { source_name: String, remote: bool },
    #[error("{source_name}: damaged or no video ({why}); check the source with another player")]
    Damaged { source_name: String, why: String, remote: bool },
    #[error(
        "{source_name}: its format cannot be decoded here ({why}); install the GStreamer plug-in for it or choose H.264, H.265, VP8, VP9 or MJPEG"
    )]
    Unsupported { source_name: String, why: String, remote: bool },
    #[error("{source_name}: ended by the other side; it is connected anew")]
    Ended { source_name: String },
    #[error(
        "{address:?} names no source; write a file, rtsp://, http://, https://, srt://, /dev/videoN, screen or test"
    )]
    Address { address: String },
    #[error("gstreamer cannot run the pipeline for {source_name} ({why}); run `make setup`")]
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
            Self::Ended { .. } => "ended",
            Self::Address { .. } => "address",
            Self::Pipeline { .. } => "pipeline",
        }
    }

    /// Whether trying again can help by itself: never with a wrong password (cameras lock the account), nor with a
    /// file that is not there or no video; a camera's path may come back with the camera.
    pub fn retry(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoFrames { .. } | Self::Ended { .. } => true,
            Self::NotFound { remote, .. }
            | Self::NoVideo { remote, .. }
            | Self::Damaged { remote, .. }
            | Self::Unsupported { remote, .. } => *remote,
            Self::Unauthorised { .. } | Self::Address { .. } | Self::Pipeline { .. } => false,
        }
    }

    /// From an error message on the bus. `address` as the settings have it.
    pub(super) fn from_bus(kind: Kind, address: &str, message: &gst::message::Error) -> Self {
        let error = message.error();
        let source_name = redact_url(address);
        // The debug string is where elements say what really happened ("Unauthorized (401)"), and where they print
        // the location: it is searched, never shown.
        let debug = message.debug().unwrap_or_default();
        let why = scrub(error.message(), address);
        let remote = kind.is_remote();
        let says = |words: &[&str]| words.iter().any(|word| debug.contains(word) || why.contains(word));
        if says(&["Unauthorized", "Forbidden", "(401)", "(403)", "Not Authorized"]) {
            return Self::Unauthorised { source_name, why };
        }
        if let Some(resource) = error.kind::<gst::ResourceError>() {
            return match resource {
                gst::ResourceError::NotFound => Self::NotFound { source_name, why, remote },
                gst::ResourceError::NotAuthorized => Self::Unauthorised { source_name, why },
                _ if says(&["Not Found", "(404)", "No such file"]) => Self::NotFound { source_name, why, remote },
                _ if kind == Kind::File && says(&["Permission denied"]) => Self::Unauthorised { source_name, why },
                _ if kind == Kind::File => Self::Damaged { source_name, why, remote },
                _ => Self::Unreachable { source_name, why },
            };
        }
        // The source element itself gave up, whatever it calls that.
        let by_source = message.src().is_some_and(|element| element.name() == "source");
        match error.kind::<gst::StreamError>() {
            Some(gst::StreamError::Failed) if remote && by_source && !debug.contains("not-linked") => {
                Self::Unreachable { source_name, why }
            }
            Some(gst::StreamError::CodecNotFound) => Self::Unsupported { source_name, why, remote },
            // A pad that nothing is linked to: the source has something else than video.
            Some(gst::StreamError::Failed) if debug.contains("not-linked") => Self::NoVideo { source_name, remote },
            Some(_) => Self::Damaged { source_name, why, remote },
            None => Self::Pipeline { source_name, why },
        }
    }
}

/// A message of GStreamer without the address, should it hold it.
fn scrub(text: &str, address: &str) -> String {
    text.replace(address, &redact_url(address)).trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(kind: Kind, address: &str, error: impl gst::MessageErrorDomain, text: &str, debug: &str) -> Error {
        gst::init().unwrap();
        let message = gst::message::Error::builder(error, text).debug(debug).build();
        let gst::MessageView::Error(message) = message.view() else { unreachable!("it was built as an error") };
        Error::from_bus(kind, address, message)
    }

    #[test]
    fn a_wrong_password_is_told_apart_from_a_dead_link() {
        let address = "rtsp://bob:hunter2@cam/1";
        let refused = from(Kind::Rtsp, address, gst::ResourceError::Read, "Could not read.", "Unauthorized (401)");
        assert_eq!((refused.code(), refused.retry()), ("unauthorised", false));
        let dead = from(Kind::Rtsp, address, gst::ResourceError::OpenReadWrite, "Failed to connect.", "");
        assert_eq!((dead.code(), dead.retry()), ("unreachable", true));
    }

    #[test]
    fn no_message_shows_the_credentials() {
        let address = "http://bob:hunter2@cam/1?token=hunter2";
        let error = from(Kind::Http, address, gst::ResourceError::Failed, &format!("Cannot read {address}."), address);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn files_and_networks_differ_in_what_can_come_back() {
        let missing = |kind| from(kind, "a", gst::ResourceError::NotFound, "Not found", "");
        assert!(!missing(Kind::File).retry());
        assert!(missing(Kind::Rtsp).retry());
        let audio =
            from(Kind::File, "a.mp4", gst::StreamError::Failed, "Internal data stream error.", "not-linked (-1)");
        assert_eq!(audio.code(), "no_video");
    }
}
