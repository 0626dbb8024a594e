//! Makes the folder that `web` embeds, so that the program builds before the dashboard does, and builds the program
//! anew when the dashboard changed.

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=dashboard/dist");
    std::fs::create_dir_all("dashboard/dist")
}
