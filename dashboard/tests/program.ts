// The real program for the browser tests and the screenshots. In: settings. Out: a running truevision on a free port
// of loopback (or on the port of one before it), with its address. It ends with stop() or kill(), at the latest
// with the test process.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const BINARY = process.env.TRUEVISION_BINARY ?? join(ROOT, "target/release/truevision");
export const CLIPS = join(ROOT, ".cache/demo");

interface Settings {
  /** A settings file, relative to the repository; without one there are no streams. */
  config?: string;
  /** 0: any free one. */
  port?: number;
  token?: string;
}

/** Names of the two streams of configs/demo.toml. */
export const DEMO = { config: "configs/demo.toml", names: ["Demo: untouched", "Demo: manipulated"] } as const;

/** What the programs of this process keep: a folder of its own for each, gone when the process ends. */
const kept: string[] = [];
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of kept) rmSync(folder, { recursive: true, force: true });
});

export class Program {
  readonly url: string;
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.port = Number(new URL(url).port);
    this.#child = child;
  }

  static async start({ config, port = 0, token }: Settings): Promise<Program> {
    for (const needed of [BINARY, CLIPS]) {
      if (!existsSync(needed)) throw new Error(`${needed} is missing: run \`make setup\``);
    }
    const folder = mkdtempSync(join(tmpdir(), "truevision-"));
    kept.push(folder);
    const child = spawn(
      BINARY,
      ["run", "--listen", `127.0.0.1:${port}`, ...(config === undefined ? [] : ["--config", config])],
      {
        cwd: ROOT,
        env: {
          ...process.env,
          TRUEVISION__ANALYSES__FOLDER: join(folder, "analyses"),
          TRUEVISION__RECORD__FOLDER: join(folder, "record"),
          TRUEVISION__ALERTS__DATABASE: join(folder, "alerts.db"),
          TRUEVISION__EVIDENCE__FOLDER: join(folder, "evidence"),
          ...(token === undefined ? {} : { TRUEVISION__WEB__TOKEN: token }),
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    running.add(child);
    child.once("exit", () => running.delete(child));
    return new Program(await addressOf(child), child);
  }

  /** As when the machine fails. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** The process lives and its connections stay open, but it says nothing any more. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!running.has(this.#child)) return;
    const ended = new Promise((done) => this.#child.once("exit", done));
    this.#child.kill(signal);
    await ended;
  }
}

/** Waits for the line that says the address; a program that ends before it has its own words in the error. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    let said = "";
    let log = "";
    child.stdout?.on("data", (text) => {
      said += text;
      const address = /TrueVision: (\S+)/.exec(said)?.[1];
      if (address) found(address);
    });
    child.stderr?.on("data", (text) => {
      log = (log + text).slice(-4_000);
    });
    child.once("error", failed);
    child.once("exit", (code, signal) => failed(new Error(`truevision ended with ${code ?? signal}: ${log}`)));
  });
}
