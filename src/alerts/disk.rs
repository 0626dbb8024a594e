//! How much room a folder's disk has. Asked by `desk`.

use std::path::Path;

/// Bytes that an ordinary user may still write there; None when the system does not say.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    // A file without a folder in its path lies in the working directory.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let room = rustix::fs::statvfs(folder).ok()?;
    Some(room.f_bavail.saturating_mul(room.f_frsize))
}
