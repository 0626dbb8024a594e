//! E-mail through an SMTP server: each letter as one plain message.

use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Message, SmtpTransport, Transport};

use super::delivery::{Letter, Refusal};
use super::settings::{self, Encryption};

pub struct Email {
    transport: SmtpTransport,
    from: Mailbox,
    to: Vec<Mailbox>,
    address: String,
}

impl Email {
    pub fn new(config: &settings::Email, timeout: Duration) -> Result<Self, String> {
        let server = config.server.as_str();
        let builder = match config.encryption {
            Encryption::Starttls => SmtpTransport::starttls_relay(server).map_err(|error| error.to_string())?,
            Encryption::Tls => SmtpTransport::relay(server).map_err(|error| error.to_string())?,
            Encryption::None => SmtpTransport::builder_dangerous(server),
        };
        let mut builder = builder.port(config.port).timeout(Some(timeout));
        if !config.user.is_empty() {
            builder = builder.credentials(Credentials::new(config.user.clone(), config.secret()?.expose().to_owned()));
        }
        let mailbox = |text: &String| text.parse::<Mailbox>().map_err(|error| format!("{text:?}: {error}"));
        Ok(Self {
            transport: builder.build(),
            from: mailbox(&config.from)?,
            to: config.to.iter().map(mailbox).collect::<Result<_, _>>()?,
            address: format!("{server}:{}", config.port),
        })
    }

    pub fn address(&self) -> String {
        self.address.clone()
    }

    pub fn deliver(&self, letter: &Letter) -> Result<(), Refusal> {
        let message = self.message(letter).map_err(|error| Refusal::Never(error.to_string()))?;
        match self.transport.send(&message) {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() && self.to.len() > 1 => self.one_by_one(&message),
            Err(error) if error.is_permanent() => Err(Refusal::Never(told(&error))),
            Err(error) if error.is_transient() => Err(Refusal::Later(told(&error))),
            Err(error) => Err(Refusal::Unreachable(told(&error))),
        }
    }

    /// One recipient's refusal ends the whole message before anybody has it. So each has it alone, and those who have
    /// not make a dead letter: another attempt for all would send it twice to the others.
    fn one_by_one(&self, message: &Message) -> Result<(), Refusal> {
        let mut refused = Vec::new();
        for to in &self.to {
            let sent = Envelope::new(Some(self.from.email.clone()), vec![to.email.clone()])
                .map_err(|error| error.to_string())
                .and_then(|alone| self.transport.send_raw(&alone, &message.formatted()).map_err(|error| told(&error)));
            if let Err(why) = sent {
                refused.push(format!("{}: {why}", to.email));
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(Refusal::Never(refused.join("; "))) }
    }

    fn message(&self, letter: &Letter) -> Result<Message, lettre::error::Error> {
        let alert = &letter.body["alert"];
        let name = letter.text("stream_name");
        let heading = match letter.event.as_str() {
            "opened" => "FAKE face",
            "acknowledged" => "acknowledged",
            "resolved" => "over",
            _ => "false alarm",
        };
        let line =
            |what: &str, value: &str| if value.is_empty() { String::new() } else { format!("{what}: {value}\n") };
        let peak = alert["peak_confidence"].as_f64().unwrap_or_default() * 100.0;
        let text = [
            format!("Stream: {name} ({})\nTrack: {}\n", letter.text("stream"), alert["track"]),
            format!("Highest fake confidence: {peak:.0} %\n"),
            line("Began", letter.text("began")),
            line("Opened", letter.text("opened")),
            line("Ended", letter.text("resolved")),
            line("Note", letter.text("note")),
            format!("Alert: {}\n", letter.text("id")),
        ];
        // The same for every attempt, so that a mail that arrives twice is shown once.
        let id = format!("<{}@{}>", letter.key, self.from.email.domain());
        // One line, whatever a stream is called.
        let subject = format!("TrueVision: {heading} on {name}").replace(char::is_control, " ");
        let builder = Message::builder().from(self.from.clone()).subject(subject).message_id(Some(id));
        let builder = self.to.iter().fold(builder, |builder, to| builder.to(to.clone()));
        builder.header(ContentType::TEXT_PLAIN).body(text.concat())
    }
}

/// What went wrong, with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}
