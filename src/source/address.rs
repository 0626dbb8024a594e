//! What a stream's address names. In: the text a person wrote. Out: its [`Kind`], and the address without the
//! credentials that may stand in it. Called by the settings' check and by `launch`.

use url::Url;

use crate::secret::Secret;

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

    /// Reached over a network: trying again can help where it cannot for a file.
    pub fn is_remote(self) -> bool {
        matches!(self, Self::Rtsp | Self::Http | Self::Srt)
    }
}

/// An address taken apart for GStreamer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A path, device or URL without user and password.
    pub location: String,
    pub user: String,
    pub password: Secret,
}

impl Target {
    /// `user` and `password` of the settings win over those in the address.
    pub fn new(kind: Kind, address: &str, user: &str, password: &Secret) -> Self {
        let mut target = Self { location: address.to_owned(), user: user.to_owned(), password: password.clone() };
        if kind == Kind::File {
            if let Some(path) = Url::parse(address).ok().filter(|url| url.scheme() == "file") {
                target.location = path.to_file_path().map_or(target.location, |path| path.display().to_string());
            }
        } else if let Ok(mut url) = Url::parse(address) {
            if target.user.is_empty() {
                target.user = decoded(url.username());
                target.password = Secret::new(decoded(url.password().unwrap_or_default()));
            }
            // Both only fail for URLs that cannot have a user: then there is nothing to take out.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            target.location = url.to_string();
        }
        target
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
        let target = Target::new(Kind::Rtsp, "rtsp://bob:p%40ss%2f@cam:554/live?x=1", "", &none);
        assert_eq!(target.location, "rtsp://cam:554/live?x=1");
        assert_eq!((target.user.as_str(), target.password.expose()), ("bob", "p@ss/"));

        let target = Target::new(Kind::Rtsp, "rtsp://bob:old@cam/live", "eve", &Secret::new("new"));
        assert_eq!(target.location, "rtsp://cam/live");
        assert_eq!((target.user.as_str(), target.password.expose()), ("eve", "new"));

        let target = Target::new(Kind::File, "file:///a%20b.mp4", "", &none);
        assert_eq!(target.location, "/a b.mp4");
        assert_eq!(Target::new(Kind::File, "a%20b.mp4", "", &none).location, "a%20b.mp4");
    }

    proptest::proptest! {
        #[test]
        fn no_address_makes_it_panic(address in ".{0,60}", user in ".{0,10}") {
            if let Some(kind) = Kind::of(&address) {
                Target::new(kind, &address, &user, &Secret::default());
            }
        }
    }
}
