//! What a file is, told by its first bytes and never by its name. In: those bytes. Out: a [`Container`]. Called by
//! `launch` (a JPEG is turned by its EXIF orientation), `score` (a picture is no film) and `analyses` (what is taken).

use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A kind of file that can be judged as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    Jpeg,
    Png,
    Webp,
    Mp4,
    Mov,
    Avi,
    Matroska,
    Webm,
}

/// What there is to be judged in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    Image,
    Video,
}

impl Container {
    /// Bytes at the beginning that are enough to tell.
    pub const HEAD: usize = 64;

    /// None for what is not one of them.
    pub fn of(head: &[u8]) -> Option<Self> {
        let at = |from: usize, text: &[u8]| head.get(from..from + text.len()) == Some(text);
        if at(0, b"\xFF\xD8\xFF") {
            Some(Self::Jpeg)
        } else if at(0, b"\x89PNG\r\n\x1A\n") {
            Some(Self::Png)
        } else if at(0, b"RIFF") && at(8, b"WEBP") {
            Some(Self::Webp)
        } else if at(0, b"RIFF") && at(8, b"AVI ") {
            Some(Self::Avi)
        } else if at(4, b"ftyp") {
            // The brands of still pictures (HEIC, AVIF) have the same box around other content.
            match head.get(8..12)? {
                b"qt  " => Some(Self::Mov),
                b"heic" | b"heix" | b"mif1" | b"msf1" | b"avif" | b"avis" => None,
                _ => Some(Self::Mp4),
            }
        } else if [&b"moov"[..], b"mdat", b"wide", b"free", b"skip"].iter().any(|atom| at(4, atom)) {
            // QuickTime files of old begin without a brand.
            Some(Self::Mov)
        } else if at(0, b"\x1A\x45\xDF\xA3") {
            let webm = head.windows(4).any(|window| window == b"webm");
            Some(if webm { Self::Webm } else { Self::Matroska })
        } else {
            None
        }
    }

    /// Of a file that can be read.
    pub fn of_file(path: &Path) -> Option<Self> {
        let mut head = Vec::with_capacity(Self::HEAD);
        std::fs::File::open(path).ok()?.take(Self::HEAD as u64).read_to_end(&mut head).ok()?;
        Self::of(&head)
    }

    pub fn medium(self) -> Medium {
        match self {
            Self::Jpeg | Self::Png | Self::Webp => Medium::Image,
            Self::Mp4 | Self::Mov | Self::Avi | Self::Matroska | Self::Webm => Medium::Video,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        for (head, container) in [
            (&b"\xFF\xD8\xFF\xE0\0\x10JFIF"[..], Some(Container::Jpeg)),
            (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", Some(Container::Png)),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some(Container::Webp)),
            (b"RIFF\x24\0\0\0AVI LIST", Some(Container::Avi)),
            (b"RIFF\x24\0\0\0WAVEfmt ", None),
            (b"\0\0\0\x20ftypisom\0\0\x02\0", Some(Container::Mp4)),
            (b"\0\0\0\x14ftypqt  \0\0\x02\0", Some(Container::Mov)),
            (b"\0\0\0\x08wide\0\0\0\0mdat", Some(Container::Mov)),
            (b"\0\0\0\x1Cftypheic\0\0\0\0", None),
            (b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\x82\x84webm", Some(Container::Webm)),
            (b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\x82\x88matroska", Some(Container::Matroska)),
            (b"<!doctype html>", None),
            (b"this is no video", None),
            (b"\0\0\0\x20ftyp", None),
            (b"", None),
        ] {
            assert_eq!(Container::of(head), container, "{head:?}");
        }
    }
}
