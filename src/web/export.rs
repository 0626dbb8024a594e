//! Reviewed periods as one file, written while it is read, so that its length costs no memory. In: a filter. Out: a
//! response whose body ends early, and so fails for the client, when the record does. Called by `events`.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use tokio::sync::mpsc;

use crate::publish::event::Period;
use crate::record::{Error, Filter, Reader};

/// Pieces that wait for a slow client; the reading waits then.
const PIECES: usize = 16;
/// Bytes of a piece, about.
const PIECE: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
}

const CSV_HEAD: &str = "id,stream,stream_name,track,label,began,ended,secs,peak_confidence,peak_at,mean_confidence,windows,\
    reasons,review,note,reviewed_at,thumbnail,model\r\n";

impl Format {
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    fn head(self) -> &'static str {
        match self {
            Self::Json => "[",
            Self::Csv => CSV_HEAD,
        }
    }

    fn row(self, period: &Period, first: bool) -> String {
        match self {
            Self::Json => {
                // Serialising numbers, strings and lists of them into memory cannot fail.
                let row = serde_json::to_string(period).expect("a period can be serialised");
                if first { format!("\n{row}") } else { format!(",\n{row}") }
            }
            Self::Csv => csv(period),
        }
    }

    fn tail(self) -> &'static str {
        match self {
            Self::Json => "\n]\n",
            Self::Csv => "",
        }
    }
}

/// The body of the answer: what the reading thread sends.
struct Pieces(mpsc::Receiver<Result<Bytes, Error>>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// Sends what passes the filter.
pub fn send(reader: Reader, filter: Filter, format: Format) -> Response {
    let (sender, pieces) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = write(&reader, &filter, format, &sender) {
            tracing::warn!("an export broke off: {error}");
            let _ = sender.blocking_send(Err(error));
        }
    });
    let (kind, name) = match format {
        Format::Json => ("application/json", "attachment; filename=\"reviewed.json\""),
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"reviewed.csv\""),
    };
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], Body::new(Pieces(pieces))).into_response()
}

/// Writes until the client is gone or has all.
fn write(
    reader: &Reader,
    filter: &Filter,
    format: Format,
    sender: &mpsc::Sender<Result<Bytes, Error>>,
) -> Result<(), Error> {
    let mut piece = String::from(format.head());
    let mut first = true;
    reader.reviewed(filter, |period| {
        piece += &format.row(&period, std::mem::take(&mut first));
        piece.len() < PIECE || sender.blocking_send(Ok(std::mem::take(&mut piece).into())).is_ok()
    })?;
    piece += format.tail();
    // Fails when the client went, and then nobody misses it.
    let _ = sender.blocking_send(Ok(piece.into()));
    Ok(())
}

/// One line as RFC 4180 writes it.
fn csv(period: &Period) -> String {
    let number = |value: Option<f32>| value.map(|value| value.to_string()).unwrap_or_default();
    let reasons: Vec<&str> = period.reasons.iter().map(|reason| reason.name()).collect();
    let cells = [
        period.id.to_string(),
        period.stream.clone(),
        period.stream_name.clone(),
        period.track.to_string(),
        period.label.to_string(),
        period.began.clone(),
        period.ended.clone().unwrap_or_default(),
        period.secs.to_string(),
        number(period.peak_confidence),
        period.peak_at.clone().unwrap_or_default(),
        number(period.mean_confidence),
        period.windows.to_string(),
        reasons.join(" "),
        period.review.name().to_owned(),
        period.note.clone(),
        period.reviewed_at.clone().unwrap_or_default(),
        period.thumbnail.to_string(),
        period.model.clone(),
    ];
    cells.map(cell).join(",") + "\r\n"
}

fn cell(text: String) -> String {
    // A spreadsheet would run a cell that begins like a formula.
    let formula = text.starts_with(['=', '+', '-', '@', '\t']);
    let text = if formula { format!("'{text}") } else { text };
    if formula || text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_never_a_formula() {
        for (text, written) in [
            ("plain words", "plain words"),
            ("a,b", "\"a,b\""),
            ("he said \"no\"\nand left", "\"he said \"\"no\"\"\nand left\""),
            ("=1+1", "\"'=1+1\""),
            ("", ""),
        ] {
            assert_eq!(cell(text.into()), written);
        }
    }
}
