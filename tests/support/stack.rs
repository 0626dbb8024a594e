//! What stands around the program in the tests of alerts: servers of Debian's packages with the files of deploy/.

use std::process::{Child, Command, Stdio};

/// A server of the system, ended with the test.
pub struct Server(pub Child, pub Option<tempfile::TempDir>);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Alertmanager as it ships, on this port.
pub fn alertmanager(port: u16) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let config = super::root().join("deploy/alertmanager/alertmanager.yaml");
    let child = Command::new("prometheus-alertmanager")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", folder.path().display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus-alertmanager is installed; run make test");
    Server(child, Some(folder))
}

/// Prometheus as it ships, on this port, but for `replaced`: parts of its settings, each of which must be there.
pub fn prometheus(port: u16, replaced: &[(&str, &str)]) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = std::fs::read_to_string(super::root().join("deploy/prometheus/prometheus.yaml")).unwrap();
    for (shipped, here) in replaced {
        assert!(settings.contains(shipped), "{shipped:?} is not in deploy/prometheus/prometheus.yaml");
        settings = settings.replace(shipped, here);
    }
    let file = folder.path().join("prometheus.yaml");
    std::fs::write(&file, settings).unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus is installed; run make test");
    Server(child, Some(folder))
}
