//! What a stream's address names. In: the text a person wrote. Out: its [`Kind`], and the address without the
//! credentials that may stand in it. Called by the settings' check and by `Source::open`.

use url::Url;

use crate::secret::{Secret, redact_url};

/// What an address can be, for messages.
const KINDS: &str = "a file, rtsp://, rtsps://, http://, https://, srt://, /dev/videoN, screen or test";

/// How a source is reached; one pipeline file each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Rtsp,
    Http,
    Srt,
    V4l2,
    Screen,
    Test,
}

impl Kind {
    /// As in the API; also the name of its pipeline file.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Rtsp => "rtsp",
            Self::Http => "http",
            Self::Srt => "srt",
            Self::V4l2 => "v4l2",
            Self::Screen => "screen",
            Self::Test => "test",
        }
    }

    /// None for a scheme that is not known.
    pub fn of(address: &str) -> Option<Self> {
        match address {
            "screen" => Some(Self::Screen),
            // Another display than the DISPLAY of the environment: screen::1, screen:host:0.
            _ if address.starts_with("screen:") => Some(Self::Screen),
            "test" => Some(Self::Test),
            _ if address.starts_with("/dev/video") => Some(Self::V4l2),
            _ => match address.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
                None | Some("file") => Some(Self::File),
                Some("rtsp" | "rtsps") => Some(Self::Rtsp),
                Some("http" | "https") => Some(Self::Http),
                Some("srt") => Some(Self::Srt),
                Some(_) => None,
            },
        }
    }

    /// Stays as it is: a second try cannot go otherwise than the first.
    pub fn lasts(self) -> bool {
        self == Self::File
    }
}

/// An address taken apart for GStreamer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub kind: Kind,
    /// A path, device, X display or URL, without user and password.
    pub location: String,
    pub user: String,
    pub password: Secret,
    /// The address as it may be shown.
    pub shown: String,
}

impl Target {
    /// `user` and `password` of the settings win over those in the address. Err: what is wrong with the address, in
    /// words that do not repeat it.
    pub fn new(address: &str, user: &str, password: &Secret) -> Result<Self, String> {
        let kind = Kind::of(address).ok_or_else(|| format!("no such kind of source; write {KINDS}"))?;
        if address.is_empty() {
            return Err(format!("no address; write {KINDS}"));
        }
        if address.chars().any(char::is_control) {
            return Err("the address holds a control character; write it anew".into());
        }
        let mut target = Self {
            kind,
            location: address.to_owned(),
            user: user.to_owned(),
            password: password.clone(),
            shown: redact_url(address),
        };
        match kind {
            Kind::Rtsp | Kind::Http => target.take_credentials(address)?,
            Kind::Screen => target.location = address.strip_prefix("screen:").unwrap_or_default().to_owned(),
            Kind::File => {
                if let Some(url) = Url::parse(address).ok().filter(|url| url.scheme() == "file") {
                    let path =
                        url.to_file_path().map_err(|()| "a file:// address needs a whole path on this machine")?;
                    target.location = path.display().to_string();
                }
            }
            // SRT knows no user, and a listener's address names no host: srt://:9000?mode=listener.
            Kind::Srt | Kind::V4l2 | Kind::Test => {}
        }
        Ok(target)
    }

    fn take_credentials(&mut self, address: &str) -> Result<(), String> {
        let mut url = Url::parse(address).map_err(|e| format!("not a URL ({e}); write scheme://host[:port]/path"))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err("the URL names no host; write scheme://host[:port]/path".into());
        }
        if self.user.is_empty() && !url.username().is_empty() {
            self.user = decoded(url.username());
            self.password = Secret::new(decoded(url.password().unwrap_or_default()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            // Both only fail for URLs that cannot have a user, and this one has.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            self.location = url.to_string();
        }
        Ok(())
    }
}

/// Percent-decoding of a user or password; what decodes to no text stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_their_kind() {
        for (address, kind) in [
            ("clips/a b.mp4", Some(Kind::File)),
            ("file:///clips/a.mp4", Some(Kind::File)),
            ("rtsp://cam/1", Some(Kind::Rtsp)),
            ("RTSPS://cam/1", Some(Kind::Rtsp)),
            ("http://host/live.m3u8", Some(Kind::Http)),
            ("https://host/clip.mp4", Some(Kind::Http)),
            ("srt://host:9000", Some(Kind::Srt)),
            ("/dev/video0", Some(Kind::V4l2)),
            ("screen", Some(Kind::Screen)),
            ("test", Some(Kind::Test)),
            ("gopher://host/", None),
        ] {
            assert_eq!(Kind::of(address), kind, "{address}");
        }
    }

    #[test]
    fn credentials_leave_the_address() {
        let none = Secret::default();
        let target = Target::new("rtsp://bob:p%40ss%2f@cam:554/live?x=1", "", &none).unwrap();
        assert_eq!(target.location, "rtsp://cam:554/live?x=1");
        assert_eq!((target.user.as_str(), target.password.expose()), ("bob", "p@ss/"));
        assert_eq!(target.shown, "rtsp://[redacted]@cam:554/live?[redacted]");

        let target = Target::new("rtsp://bob:old@cam/live", "eve", &Secret::new("new")).unwrap();
        assert_eq!(target.location, "rtsp://cam/live");
        assert_eq!((target.user.as_str(), target.password.expose()), ("eve", "new"));
    }

    #[test]
    fn paths_and_displays_are_taken_as_they_are() {
        let location = |address| Target::new(address, "", &Secret::default()).unwrap().location;
        assert_eq!(location("file:///a%20b.mp4"), "/a b.mp4");
        assert_eq!(location("a%20b.mp4"), "a%20b.mp4");
        assert_eq!(location("screen"), "");
        assert_eq!(location("screen::99"), ":99");
        assert_eq!(location("srt://:9000?mode=listener"), "srt://:9000?mode=listener");
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for address in
            ["", "gopher://host/", "rtsp://bob:hunter2@", "http://bob:hunter2@cam:99999/", "a\nb.mp4", "file://x/y"]
        {
            let fault = Target::new(address, "", &Secret::default()).unwrap_err();
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_address_makes_it_panic(address in ".{0,60}", user in ".{0,10}") {
            let _ = Target::new(&address, &user, &Secret::default());
        }
    }
}
