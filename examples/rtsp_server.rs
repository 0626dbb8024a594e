//! A small RTSP camera for trying TrueVision and for its tests: serves an H.264 MP4 from its start to every client, or a
//! test picture without an end.
//!
//!     cargo run --example rtsp_server -- 8554 .cache/demo/untouched.mp4 [user password]
//!     make run SOURCE=rtsp://127.0.0.1:8554/camera
//!
//! Prints one line when it listens; runs until it is killed.

use std::process::ExitCode;

use gstreamer as gst;
use gstreamer_rtsp_server as rtsp;
use rtsp::prelude::*;

const PATH: &str = "/camera";

fn main() -> ExitCode {
    match serve(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rtsp_server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let (port, clip, login) = match args {
        [port, clip] => (port, clip, None),
        [port, clip, user, password] => (port, clip, Some((user, password))),
        _ => return Err("usage: rtsp_server PORT CLIP|test [USER PASSWORD]".into()),
    };
    gst::init()?;
    let main_loop = gst::glib::MainLoop::new(None, false);
    let server = rtsp::RTSPServer::new();
    server.set_address("127.0.0.1");
    server.set_service(port);
    let factory = rtsp::RTSPMediaFactory::new();
    factory.set_launch(&launch(clip));
    factory.set_shared(clip == "test");
    if let Some((user, password)) = login {
        require_login(&server, &factory, user, password);
    }
    server.mount_points().ok_or("the server has no mount points")?.add_factory(PATH, factory);
    let _attached = server.attach(None)?;
    println!("rtsp://127.0.0.1:{}{PATH}", server.bound_port());
    main_loop.run();
    Ok(())
}

fn launch(clip: &str) -> String {
    match clip {
        "test" => "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 \
                   ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay name=pay0 pt=96 )"
            .into(),
        clip => format!(
            "( filesrc location=\"{clip}\" ! qtdemux ! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 )"
        ),
    }
}

fn require_login(server: &rtsp::RTSPServer, factory: &rtsp::RTSPMediaFactory, user: &str, password: &str) {
    let permissions = gst::Structure::builder("viewer")
        .field(rtsp::RTSP_PERM_MEDIA_FACTORY_ACCESS, true)
        .field(rtsp::RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, true)
        .build();
    factory.add_role_from_structure(&permissions);
    let auth = rtsp::RTSPAuth::new();
    let token = rtsp::RTSPToken::builder().field(rtsp::RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer").build();
    auth.add_basic(&rtsp::RTSPAuth::make_basic(user, password), &token);
    server.set_auth(Some(&auth));
}
