//! What `config` promises: all faults at once, environment over file, `configs/default.toml` equal to the code.

use super::*;

fn read(text: &str, env: &[(&str, &str)], command_line: &CommandLine) -> Result<Config, Error> {
    parse(text, env.iter().map(|(k, v)| ((*k).into(), (*v).into())), command_line)
}

fn faults(text: &str, env: &[(&str, &str)]) -> Vec<(String, String)> {
    match read(text, env, &CommandLine::default()) {
        Ok(config) => panic!("accepted: {config:?}"),
        Err(Error::Faults(faults)) => faults.into_iter().map(|f| (f.key, f.message)).collect(),
        Err(other) => panic!("{other}"),
    }
}

fn parsed(text: &str, env: &[(&str, &str)]) -> Config {
    read(text, env, &CommandLine::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn leaves(table: &Table, at: &str, out: &mut Vec<String>) {
    for (key, value) in table {
        let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        match value {
            Value::Table(inner) => leaves(inner, &path, out),
            Value::Array(list) if key == "streams" => {
                for entry in list.iter().filter_map(Value::as_table) {
                    leaves(entry, "streams", out);
                }
            }
            _ => out.push(path),
        }
    }
}

#[test]
fn default_toml_names_every_key_and_equals_the_defaults() {
    let text = include_str!("../../configs/default.toml");
    // The example stream is commented out, since the default is no stream; it is read as if it were not.
    let example: String =
        text.lines().map(|line| line.strip_prefix("#| ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
    assert_eq!(parsed(text, &[]), Config::default());

    let mut named = Vec::new();
    leaves(&example.parse().unwrap(), "", &mut named);
    let mut known = Vec::new();
    let mut defaults = table_of(&Config::default());
    defaults.insert("streams".into(), Value::Array(vec![Value::Table(table_of(&source::Config::default()))]));
    leaves(&defaults, "", &mut known);
    named.sort();
    known.sort();
    assert_eq!(named, known);
    let stream = &parsed(&example, &[]).streams[0];
    let expected = source::Config {
        id: stream.id.clone(),
        name: stream.name.clone(),
        url: stream.url.clone(),
        ..source::Config::default()
    };
    assert_eq!(*stream, expected, "the example stream shows the defaults");
}

#[test]
fn every_example_configuration_is_accepted() {
    let mut seen = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/configs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let token = [("TRUEVISION__WEB__TOKEN", "0123456789abcdef0123456789abcdef")];
            if let Err(error) = read(&text, &token, &CommandLine::default()) {
                panic!("{}: {error}", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen >= 4, "{seen}");
}

#[test]
fn all_faults_are_told_at_once_with_their_keys() {
    let text = "
        [verdict]
        fake_att = 0.8
        real_at = \"low\"
        stale_secs = -1
        [[streams]]
        id = \"a b\"
        url = \"rtsp://cam/1\"
        [[streams]]
        id = \"door\"
        url = \"rtsp://cam/1\"
        transport = \"pigeon\"
    ";
    let found = faults(text, &[("TRUEVISION__NOPE", "1"), ("TRUEVISION__VERDICT__DWELL_SECS", "soon")]);
    let keys: Vec<_> = found.iter().map(|(key, _)| key.as_str()).collect();
    for key in [
        "TRUEVISION__NOPE",
        "verdict.dwell_secs",
        "verdict.fake_att",
        "verdict.real_at",
        "verdict.stale_secs",
        "streams[0].id",
        "streams[1].transport",
    ] {
        assert!(keys.contains(&key), "{key} is missing in {found:#?}");
    }
    let message = &found.iter().find(|(key, _)| key == "verdict.fake_att").unwrap().1;
    assert!(message.contains("fake_at"), "{message}");
}

#[test]
fn environment_wins_over_the_file() {
    let text = "verdict.fake_at = 0.8\n[[streams]]\nid = \"Door\"\nurl = \"rtsp://cam/1\"\nuser = \"bob\"";
    let env = [
        ("TRUEVISION__VERDICT__FAKE_AT", "0.9"),
        ("TRUEVISION__STREAMS__DOOR__PASSWORD", "0123"),
        ("TRUEVISION__WEB__LISTEN", "127.0.0.1:9"),
        ("OTHER", "x"),
    ];
    let config = parsed(text, &env);
    assert_eq!(config.verdict.fake_at, 0.9);
    assert_eq!(config.web.listen, "127.0.0.1:9");
    // A password of digits stays text.
    assert_eq!(config.streams[0].password.expose(), "0123");
}

#[test]
fn a_variable_names_its_key_in_any_case() {
    assert!(names("TRUEVISION__VERDICT__FAKE_AT", "verdict.fake_at"));
    assert!(names("TRUEVISION__record__keep_days", "record.keep_days"));
    assert!(!names("TRUEVISION__VERDICT__FAKE", "verdict.fake_at"));
    assert!(!names("VERDICT__FAKE_AT", "verdict.fake_at"));
}

#[test]
fn arguments_add_streams_and_win() {
    let command_line =
        CommandLine { listen: Some("127.0.0.1:7".into()), sources: vec!["rtsp://a:b@cam/1".into(), "test".into()] };
    let env = [("TRUEVISION__WEB__LISTEN", "127.0.0.1:9")];
    let config = read("[[streams]]\nid = \"door\"\nurl = \"test\"", &env, &command_line).unwrap();
    assert_eq!(config.web.listen, "127.0.0.1:7");
    let ids: Vec<_> = config.streams.iter().map(|stream| stream.id.as_str()).collect();
    assert_eq!(ids, ["door", "source-2", "source-3"]);
    assert_eq!(config.streams[1].name, "rtsp://[redacted]@cam/1");
}

#[test]
fn text_that_is_no_toml_is_one_fault_with_its_place() {
    let found = faults("verdict = [", &[]);
    assert_eq!(found.len(), 1);
    assert!(found[0].1.contains("line 1"), "{found:?}");
}

#[test]
fn a_stream_id_is_used_once() {
    let text = "[[streams]]\nid = \"a\"\nurl = \"test\"\n[[streams]]\nid = \"a\"\nurl = \"test\"";
    assert_eq!(faults(text, &[])[0].0, "streams[1].id");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}", name in "[A-Z_]{0,20}", value in ".{0,20}") {
        let _ = parse(&text, [(format!("TRUEVISION__{name}"), value)], &CommandLine::default());
    }
}
