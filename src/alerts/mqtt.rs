//! MQTT with Home Assistant's discovery. In: letters. Out: retained messages: `<topic>/<stream>/alert` (the newest alert,
//! `state` ON or OFF), `<topic>/status` (`online`, by the broker `offline`), and for each stream a binary sensor that
//! Home Assistant finds by itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rumqttc::{Client, ConnectionError, Event, LastWill, MqttOptions, Packet, QoS, TlsConfiguration, Transport};
use rustls_platform_verifier::BuilderVerifierExt;
use serde_json::{Value, json};
use url::Url;

use super::delivery::{Letter, Refusal};
use super::settings;

/// Messages that may wait for the connection: two a stream, and some.
const QUEUE: usize = 4096;
/// Pause between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);

/// What was published, by topic: a broker that was started anew may have forgotten it.
type Retained = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

pub struct Mqtt {
    options: MqttOptions,
    topic: String,
    discovery: String,
    address: String,
    timeout: Duration,
    retained: Retained,
    link: Option<Link>,
}

/// One connection, kept up by a thread until it is dropped.
struct Link {
    client: Client,
    /// What the broker says, and why it says nothing.
    news: Receiver<News>,
    over: Arc<AtomicBool>,
}

enum News {
    Connected,
    Acknowledged,
    Failed(String),
}

impl Drop for Link {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Full or closed: the thread sees the flag at its next event, which the keep-alive brings.
        let _ = self.client.try_disconnect();
    }
}

impl Mqtt {
    pub fn new(config: &settings::Mqtt, timeout: Duration) -> Result<Self, String> {
        let url = Url::parse(&config.url).map_err(|error| error.to_string())?;
        let tls = url.scheme() == "mqtts";
        let port = url.port().unwrap_or(if tls { 8883 } else { 1883 });
        let host = url.host_str().unwrap_or_default();
        let mut options = MqttOptions::new(config.topic.replace('/', "-"), host, port);
        options.set_keep_alive(Duration::from_secs(15));
        options.set_last_will(LastWill::new(status(&config.topic), "offline", QoS::AtLeastOnce, true));
        if !config.user.is_empty() {
            options.set_credentials(config.user.clone(), config.secret()?.expose().to_owned());
        }
        if tls {
            let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .and_then(|builder| builder.with_platform_verifier())
                .map_err(|error| error.to_string())?
                .with_no_client_auth();
            options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::new(tls))));
        }
        Ok(Self {
            options,
            topic: config.topic.clone(),
            discovery: config.discovery.clone(),
            address: config.url.clone(),
            timeout,
            retained: Retained::default(),
            link: None,
        })
    }

    pub fn address(&self) -> String {
        self.address.clone()
    }

    pub fn deliver(&mut self, letter: &Letter) -> Result<(), Refusal> {
        let messages = self.messages(letter);
        let sent = self.send(&messages);
        match &sent {
            Ok(()) => {
                let mut retained = self.retained.lock().unwrap_or_else(PoisonError::into_inner);
                retained.extend(messages);
            }
            // What is on its way may still arrive: a new connection does not take its answers for those of others.
            Err(_) => self.link = None,
        }
        sent
    }

    fn send(&mut self, messages: &[(String, Vec<u8>)]) -> Result<(), Refusal> {
        let until = Instant::now() + self.timeout;
        let link = match self.link.take() {
            Some(link) if link.is_up() => link,
            _ => Link::open(&self.options, &self.topic, &self.retained, until)?,
        };
        let link = self.link.insert(link);
        for (topic, payload) in messages {
            let sent = link.client.try_publish(topic, QoS::AtLeastOnce, true, payload.clone());
            sent.map_err(|error| Refusal::Unreachable(format!("the broker takes nothing: {error}")))?;
        }
        let mut waited_for = messages.len();
        while waited_for > 0 {
            match link.next(until)? {
                News::Acknowledged => waited_for -= 1,
                News::Connected => {}
                News::Failed(error) => return Err(Refusal::Unreachable(error)),
            }
        }
        Ok(())
    }

    /// What a letter comes to: topics and payloads; an empty payload takes a retained message away.
    fn messages(&self, letter: &Letter) -> Vec<(String, Vec<u8>)> {
        let shown = if letter.alert.is_some() { &letter.body["alert"] } else { &letter.body };
        let stream = shown["stream"].as_str().unwrap_or_default();
        let state = format!("{}/{stream}/alert", self.topic);
        let config = format!("{}/binary_sensor/{}-{stream}/config", self.discovery, self.topic.replace('/', "-"));
        let mut messages = Vec::new();
        match letter.event.as_str() {
            "removed" => {
                messages.push((config, Vec::new()));
                messages.push((state, Vec::new()));
            }
            event => {
                if event == "announced" {
                    let sensor = self.sensor(stream, shown["stream_name"].as_str());
                    messages.push((config, sensor.to_string().into_bytes()));
                }
                let mut told = shown.clone();
                if let Some(told) = told.as_object_mut() {
                    told.insert("alert_state".into(), told.get("state").cloned().unwrap_or_default());
                    let on = letter.body["stream_open"] == true;
                    told.insert("state".into(), if on { "ON" } else { "OFF" }.into());
                }
                messages.push((state, told.to_string().into_bytes()));
            }
        }
        if self.discovery.is_empty() {
            messages.retain(|(topic, _)| topic.starts_with(&format!("{}/", self.topic)));
        }
        messages
    }

    /// The sensor as Home Assistant's MQTT discovery wants it.
    fn sensor(&self, stream: &str, name: Option<&str>) -> Value {
        let topic = format!("{}/{stream}/alert", self.topic);
        json!({
            "name": format!("{} FAKE", name.unwrap_or(stream)),
            "unique_id": format!("{}-{stream}", self.topic.replace('/', "-")),
            "device_class": "problem",
            "state_topic": topic,
            "value_template": "{{ value_json.state }}",
            "json_attributes_topic": topic,
            "availability_topic": status(&self.topic),
            "device": { "identifiers": [self.topic], "name": "TrueVision", "sw_version": env!("CARGO_PKG_VERSION") },
        })
    }
}

fn status(topic: &str) -> String {
    format!("{topic}/status")
}

impl Link {
    /// Connects, or says why not.
    fn open(options: &MqttOptions, topic: &str, retained: &Retained, until: Instant) -> Result<Self, Refusal> {
        let (client, mut connection) = Client::new(options.clone(), QUEUE);
        let (tell, news) = sync_channel(QUEUE);
        let over = Arc::new(AtomicBool::new(false));
        let link = Self { client: client.clone(), news, over: over.clone() };
        let (topic, retained) = (status(topic), retained.clone());
        let keep_up = move || {
            for event in connection.iter() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                if !take(event, &client, &topic, &retained, &tell) {
                    std::thread::sleep(PAUSE);
                }
            }
        };
        std::thread::Builder::new()
            .name("mqtt".into())
            .spawn(keep_up)
            .map_err(|error| Refusal::Later(format!("no thread for the connection: {error}")))?;
        loop {
            match link.next(until)? {
                News::Connected => return Ok(link),
                News::Acknowledged => {}
                News::Failed(error) => return Err(Refusal::Unreachable(error)),
            }
        }
    }

    /// Takes what has come since the last letter: whether the connection still stands.
    fn is_up(&self) -> bool {
        let newest = self.news.try_iter().filter(|news| !matches!(news, News::Acknowledged)).last();
        !matches!(newest, Some(News::Failed(_)))
    }

    fn next(&self, until: Instant) -> Result<News, Refusal> {
        let left = until.saturating_duration_since(Instant::now());
        self.news.recv_timeout(left).map_err(|_| Refusal::Unreachable("the broker did not answer in time".into()))
    }
}

/// What the connection's thread does with an event; false when the connection failed.
fn take(
    event: Result<Event, ConnectionError>,
    client: &Client,
    status: &str,
    retained: &Retained,
    tell: &SyncSender<News>,
) -> bool {
    let news = match event {
        Ok(Event::Incoming(Packet::ConnAck(_))) => {
            // At most once: these bring no acknowledgement that could be taken for another's. What finds the queue full
            // comes with the next connection.
            let _ = client.try_publish(status, QoS::AtMostOnce, true, "online");
            for (topic, payload) in retained.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                let _ = client.try_publish(topic, QoS::AtMostOnce, true, payload.clone());
            }
            News::Connected
        }
        Ok(Event::Incoming(Packet::PubAck(_))) => News::Acknowledged,
        Ok(_) => return true,
        Err(error) => News::Failed(error.to_string()),
    };
    let failed = matches!(news, News::Failed(_));
    // Nobody waits, or nobody has for long: then nobody misses it.
    let _ = tell.try_send(news);
    !failed
}
