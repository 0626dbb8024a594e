// `npm run measure -- [MINUTES] [WIDTHxHEIGHT] [STREAMS]`: what the live wall costs a browser, measured on the running
// product. In: the release binary and the demo's clip. Out: a line a minute and a summary as text (docs/performance.md).
//
// Counted is the CPU time (user and system, of /proc) of every process of a Chromium that has this one tab: browser, GPU
// (here: software rasteriser), network service and renderer. Memory is the tab's JS heap and the renderer's resident set.
// Nothing listens in while it counts: of the DevTools only the heap and the pictures drawn are asked, once a minute. On a
// machine that others keep busy run it as `nice -n -5`, or the streams get less than their rate and the page has less to do.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import WebSocket from "ws";
import { CLIPS, Program } from "../tests/program";

const [minutes = "30", size = "1440x900", streams = "16"] = process.argv.slice(1);
const TICKS_A_SEC = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
/** The wall is filled, its code is compiled, every stream is judged. */
const WARM_UP_MS = 60_000;
const MINUTE_MS = 60_000;
/** Pictures of the shipped width at the model's own rate, from a source that costs little to decode. */
const SOURCE = "video/x-raw,width=640,height=360,framerate=8/1";

const folder = mkdtempSync(join(tmpdir(), "truevision-measure-"));
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

function clip(): string {
  const path = join(folder, "clip.mp4");
  const decode = ["filesrc", `location=${join(CLIPS, "untouched.mp4")}`, "!", "decodebin", "!", "videoconvert"];
  const reduce = ["!", "videoscale", "!", "videorate", "!", SOURCE];
  const keep = ["!", "x264enc", "speed-preset=veryfast", "!", "mp4mux", "!", "filesink", `location=${path}`];
  execFileSync("gst-launch-1.0", ["-q", ...decode, ...reduce, ...keep]);
  return path;
}

function settings(): string {
  const url = clip();
  const one = (n: number) => `[[streams]]\nid = "s${n}"\nname = "Stream ${n}"\nurl = "${url}"\nrepeat = true\n`;
  const path = join(folder, "settings.toml");
  writeFileSync(path, Array.from({ length: Number(streams) }, (_, n) => one(n + 1)).join("\n"));
  return path;
}

/** A Chromium of its own, started as a user would, with a door to ask it a question now and then. */
function chromium(url: string): Promise<{ child: ChildProcess; door: string }> {
  const flags = [
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    `--window-size=${size.replace("x", ",")}`,
    `--user-data-dir=${join(folder, "profile")}`,
  ];
  const child = spawn(process.env.CHROMIUM ?? "/usr/bin/chromium", [...flags, url], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return new Promise((found, failed) => {
    let said = "";
    child.stderr.on("data", (text) => {
      said += text;
      const door = /DevTools listening on ws:\/\/([^/]+)/.exec(said)?.[1];
      if (door) found({ child, door });
    });
    child.once("exit", (code) => failed(new Error(`Chromium ended with ${code}: ${said}`)));
  });
}

/** Asks the tab, once, and leaves. */
async function ask<T>(door: string, method: string, params: object = {}): Promise<T> {
  const pages = (await (await fetch(`http://${door}/json`)).json()) as { type: string; webSocketDebuggerUrl: string }[];
  const address = pages.find(({ type }) => type === "page")?.webSocketDebuggerUrl;
  if (!address) throw new Error("Chromium has no tab");
  const socket = new WebSocket(address);
  try {
    await new Promise((open, failed) => socket.once("open", open).once("error", failed));
    const answer = new Promise<string>((come) => socket.once("message", (text) => come(String(text))));
    socket.send(JSON.stringify({ id: 1, method, params }));
    const { result, error } = JSON.parse(await answer);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  } finally {
    socket.close();
  }
}

interface Wall {
  tiles: number;
  /** Those whose pictures are asked for. */
  shown: number;
  /** Pictures drawn since it was first asked. */
  drawn: number;
}

async function wall(door: string): Promise<Wall> {
  const expression = `(() => {
    if (globalThis.drawn === undefined) {
      globalThis.drawn = 0;
      const counting = new MutationObserver((seen) => { globalThis.drawn += seen.length; });
      counting.observe(document.body, { subtree: true, attributeFilter: ["data-frame"] });
    }
    const shown = [...document.querySelectorAll("canvas.picture")]
      .filter((canvas) => canvas.getBoundingClientRect().top < innerHeight);
    return JSON.stringify({ tiles: document.querySelectorAll(".tile").length, shown: shown.length, drawn });
  })()`;
  const { result } = await ask<{ result: { value: string } }>(door, "Runtime.evaluate", { expression });
  return JSON.parse(result.value) as Wall;
}

interface Process {
  kind: string;
  secs: number;
  /** Resident, and of it what is the process's own and not a file of Chromium's, which all its processes share. */
  residentMb: number;
  ownMb: number;
}

/** Every process below `root`, itself included. */
function tree(root: number): Process[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (/^\d+$/.test(name)) parents.set(Number(name), Number(stat(Number(name))?.[1] ?? 0));
  }
  const inside = (pid: number): boolean => pid === root || (parents.has(pid) && inside(parents.get(pid) ?? 0));
  return [...parents.keys()].filter(inside).flatMap((pid) => {
    const fields = stat(pid);
    if (!fields) return [];
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    const kind = /--utility-sub-type=(\w+)/.exec(command)?.[1] ?? /--type=([\w-]+)/.exec(command)?.[1] ?? "browser";
    const secs = (Number(fields[11]) + Number(fields[12])) / TICKS_A_SEC;
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const megabytes = (name: string) => (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) * 1024) / 1e6;
    return [{ kind, secs, residentMb: megabytes("VmRSS"), ownMb: megabytes("VmRSS") - megabytes("RssFile") }];
  });
}

/** The fields of /proc/PID/stat after the command's name; null: it ended. */
function stat(pid: number): string[] | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? null;
  } catch {
    return null;
  }
}

const spent = (processes: Process[], kind?: string): number =>
  processes.filter((one) => kind === undefined || one.kind === kind).reduce((sum, { secs }) => sum + secs, 0);

const program = await Program.start({ config: settings() });
const { child, door } = await chromium(program.url);
try {
  console.log(`${streams} streams, window ${size}, ${minutes} min after ${WARM_UP_MS / 1000} s of warming up`);
  await sleep(WARM_UP_MS);
  const root = child.pid ?? 0;
  const began = tree(root);
  const beganAt = performance.now();
  let before = { at: beganAt, processes: began, wall: await wall(door) };
  let highest = 0;
  for (let minute = 1; minute <= Number(minutes); minute += 1) {
    await sleep(MINUTE_MS);
    const now = { at: performance.now(), processes: tree(root), wall: await wall(door) };
    const secs = (now.at - before.at) / 1000;
    const share = (kind?: string) =>
      `${((100 * (spent(now.processes, kind) - spent(before.processes, kind))) / secs).toFixed(1)} %`;
    const heap = await ask<{ usedSize: number; totalSize: number }>(door, "Runtime.getHeapUsage");
    // Chromium keeps a spare renderer at hand; the tab's is the larger one.
    const [renderer] = now.processes
      .filter(({ kind }) => kind === "renderer")
      .sort((a, b) => b.residentMb - a.residentMb);
    if (!renderer) throw new Error("Chromium has no renderer");
    highest = Math.max(highest, renderer.residentMb);
    const rate = (now.wall.drawn - before.wall.drawn) / secs;
    console.log(
      `${minute} min: CPU ${share()} of one core (renderer ${share("renderer")}, gpu ${share("gpu-process")}, ` +
        `network ${share("network")}, browser ${share("browser")}); JS heap ${(heap.usedSize / 1e6).toFixed(1)} MB, ` +
        `renderer ${renderer.residentMb.toFixed(0)} MB, ${renderer.ownMb.toFixed(0)} MB its own; ${now.wall.tiles} tiles, ${now.wall.shown} on screen, ${rate.toFixed(0)} pictures a second`,
    );
    before = now;
  }
  const secs = (before.at - beganAt) / 1000;
  const mean = (100 * (spent(before.processes) - spent(began))) / secs;
  console.log(`all: CPU ${mean.toFixed(1)} % of one core on average, renderer at most ${highest.toFixed(0)} MB`);
} finally {
  child.kill("SIGTERM");
  await program.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
