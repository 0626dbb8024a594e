//! The command line: `run`, `score`, `verify`, `check-config`, `devices`, `bench`. Prints one chain of errors; exit codes:
//! 0 done, 1 failed while running (`verify`: something was altered), 2 for input or settings it cannot use, 3 when the GPU was
//! lost while running.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, ExitCode};

use clap::{Args, Parser, Subcommand};
use truevision::config::{self, CommandLine, Config};
use truevision::detector::Model;
use truevision::{app, bench, evidence, score};

/// Watches live video and says, face by face, whether it is REAL, FAKE or UNCERTAIN.
#[derive(Parser)]
#[command(version, about, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Analyse live streams and serve the dashboard, API, WebSocket and metrics.
    Run(Run),
    /// Score video files and pictures: every frame in order, the same answer every time.
    Score(Score),
    /// Check whether evidence of alerts is as it was written, and name what was altered.
    Verify(Verify),
    /// Read a settings file and report everything that is wrong with it.
    CheckConfig { file: PathBuf },
    /// Show what models can run on here, and why not on more.
    Devices(Settings),
    /// Measure what a number of live streams costs on this machine.
    Bench(Bench),
}

#[derive(Args)]
struct Settings {
    /// Settings file (TOML); the defaults are in configs/default.toml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Settings {
    fn load(&self) -> Result<Config, config::Error> {
        Config::load(self.config.as_deref(), &CommandLine::default())
    }
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    settings: Settings,
    /// File, rtsp://, http(s)://, srt://, /dev/videoN, screen or test; added to the streams of the settings.
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Address of the dashboard, instead of the settings' web.listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

#[derive(Args)]
struct Score {
    #[command(flatten)]
    settings: Settings,
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// One JSON object a file instead of a line of text.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Verify {
    /// The folder of all evidence (evidence.folder), or of one alert in it.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// One JSON object instead of lines of text.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Bench {
    #[command(subcommand)]
    what: Option<BenchOf>,
    #[command(flatten)]
    streams: BenchStreams,
}

#[derive(Subcommand)]
enum BenchOf {
    /// Measure the first GPU instead: crops, faces and windows a second, and how far they are from the CPU's.
    Gpu {
        #[command(flatten)]
        settings: Settings,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct BenchStreams {
    #[command(flatten)]
    settings: Settings,
    /// The clip that every stream plays.
    #[arg(value_name = "CLIP", required = true)]
    clip: Option<PathBuf>,
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1024))]
    streams: u32,
    /// Seconds to measure, after the streams have settled.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    secs: u32,
    #[arg(long)]
    json: bool,
}

/// An error, and the exit code it means.
struct Failure(u8, Box<dyn std::error::Error>);

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        Self(2, error.into())
    }
}

fn main() -> ExitCode {
    bound_allocator();
    match dispatch(Cli::parse().command) {
        Ok(code) => code,
        Err(Failure(code, error)) => {
            eprintln!("truevision: {}", chain(error.as_ref()));
            ExitCode::from(code)
        }
    }
}

/// How glibc's allocator is to keep memory flat over months of reconnects. It gives threads arenas of their own, up to
/// eight a core; decoders come and go with every reconnect, each on other threads, and leave their frames' pages behind in
/// all of them: memory grew by 60 MB in 40 s of a 2 s clip that repeats. And once a frame was freed it takes frames from
/// arenas, too, where small things that live on keep their pages: at 256 KiB and more they are mapped and given back whole.
const ALLOCATOR: [(&str, &str); 2] = [("MALLOC_ARENA_MAX", "2"), ("MALLOC_MMAP_THRESHOLD_", "262144")];

/// The allocator reads its limits before `main`, so the program starts itself once more with them; a value set outside
/// stays.
fn bound_allocator() {
    let missing: Vec<_> = ALLOCATOR.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()).collect();
    if !missing.is_empty()
        && let Ok(program) = std::env::current_exe()
    {
        let error = process::Command::new(program).args(std::env::args_os().skip(1)).envs(missing).exec();
        // Only seen when it could not be started again: then it runs as it is.
        eprintln!("truevision: memory may grow: the allocator's limits could not be set: {error}");
    }
}

fn dispatch(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Run(run) => {
            let command_line = CommandLine { listen: run.listen, sources: run.sources };
            let config = Config::load(run.settings.config.as_deref(), &command_line)?;
            log_to_stderr(&config.log);
            app::run(config).map_err(|error| Failure(error.exit_code(), error.into()))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Score(args) => score_files(&args),
        Command::Verify(args) => verify(&args),
        Command::CheckConfig { file } => {
            let config = Config::load(Some(&file), &CommandLine::default())?;
            println!("{}: good, {} streams", file.display(), config.streams.len());
            Ok(ExitCode::SUCCESS)
        }
        Command::Devices(settings) => {
            let config = settings.load()?;
            let model = Model::load(&config.detector, &config.infer).map_err(|error| Failure(2, error.into()))?;
            println!("{}: {} runs on it", model.provider(), model.contract.name);
            for passed_over in model.passed_over() {
                println!("{}: not used: {}", passed_over.provider, passed_over.why);
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Bench(Bench { what: Some(BenchOf::Gpu { settings, json }), .. }) => bench_gpu(&settings, json),
        Command::Bench(Bench { what: None, streams }) => bench_streams(&streams),
    }
}

fn bench_streams(args: &BenchStreams) -> Result<ExitCode, Failure> {
    let config = args.settings.load()?;
    log_to_stderr(&config::Log { filter: "warn".into(), json: false });
    // Required by the command line unless a subcommand was given.
    let clip = args.clip.clone().unwrap_or_default();
    let report = bench::run(&config, &clip, args.streams, args.secs)
        .map_err(|error| Failure(error.exit_code(), error.into()))?;
    if args.json {
        println!("{}", serde_json::json!(report));
    } else {
        print!("{report}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails for a GPU whose pixels are not those of the CPU.
fn bench_gpu(settings: &Settings, json: bool) -> Result<ExitCode, Failure> {
    let config = settings.load()?;
    log_to_stderr(&config::Log { filter: "warn".into(), json: false });
    let report = bench::gpu::run(&config).map_err(|error| Failure(2, error.into()))?;
    if json {
        println!("{}", serde_json::json!(report));
    } else {
        print!("{report}");
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Fails for evidence that is not as it was written.
fn verify(args: &Verify) -> Result<ExitCode, Failure> {
    let report = evidence::verify(&args.folder).map_err(|error| Failure(2, error.into()))?;
    if args.json {
        println!("{}", serde_json::json!(report));
    } else {
        print!("{report}");
    }
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn score_files(args: &Score) -> Result<ExitCode, Failure> {
    let config = args.settings.load()?;
    log_to_stderr(&config::Log { filter: "warn".into(), json: false });
    let scorer = score::Scorer::load(&config.scoring()).map_err(|error| Failure(1, error.into()))?;
    let mut code = ExitCode::SUCCESS;
    let mut out = std::io::stdout().lock();
    for file in &args.files {
        let line = match scorer.score(file) {
            Ok(scored) if args.json => serde_json::json!(scored).to_string(),
            Ok(scored) => scored.to_string(),
            Err(error) => {
                eprintln!("truevision: {}", chain(&error));
                code = ExitCode::from(2);
                continue;
            }
        };
        // A reader that has gone (as `| head`) is no failure of ours.
        if writeln!(out, "{line}").is_err() {
            break;
        }
    }
    Ok(code)
}

fn log_to_stderr(log: &config::Log) {
    // The filter was checked with the settings.
    let filter = tracing_subscriber::EnvFilter::try_new(&log.filter).unwrap_or_default();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if log.json { builder.json().init() } else { builder.init() }
}

/// An error and what caused it, without saying the same twice.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let message = inner.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = inner.source();
    }
    text
}
