// Files are sent one at a time; a refusal keeps its reason and does not stop the others.

import { expect, test, vi } from "vitest";
import type { Job, Upload } from "../wire/analysis";
import { ApiError } from "../wire/call";
import { Uploads } from "./uploads";

const file = (name: string) => new File(["x"], name);

function stage() {
  const sent: { name: string; take: () => void; refuse: (why: string) => void; tell: (share: number) => void }[] = [];
  const aborted: string[] = [];
  const uploads = new Uploads((file, tell): Upload => {
    let settle: [(job: Job) => void, (fault: Error) => void];
    const done = new Promise<Job>((resolve, reject) => {
      settle = [resolve, reject];
    });
    sent.push({
      name: file.name,
      tell,
      take: () => settle[0]({ id: file.name } as Job),
      refuse: (why) => settle[1](new ApiError("unsupported_media_type", why, null)),
    });
    return {
      done,
      abort: () => {
        aborted.push(file.name);
        settle[1](new ApiError("aborted", "", null));
      },
    };
  });
  const taken: string[] = [];
  uploads.onTaken = ({ id }) => taken.push(id);
  return { uploads, sent, taken, aborted };
}

test("one file is sent at a time, in order", async () => {
  const { uploads, sent, taken } = stage();
  uploads.add([file("a.mp4"), file("b.png")]);
  expect(sent.map(({ name }) => name)).toEqual(["a.mp4"]);
  sent[0]?.tell(0.5);
  expect(uploads.list().map(({ state, sent }) => [state, sent])).toEqual([
    ["sending", 0.5],
    ["waiting", 0],
  ]);
  sent[0]?.take();
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(taken).toEqual(["a.mp4"]);
});

test("a refusal stays with its reason until it is dismissed, and the next file goes on", async () => {
  const { uploads, sent } = stage();
  uploads.add([file("a.txt"), file("b.png")]);
  sent[0]?.refuse("a text file is no video");
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  const [refused] = uploads.list();
  expect(refused).toMatchObject({ state: "refused", why: "a text file is no video" });
  uploads.drop(refused?.key ?? 0);
  expect(uploads.list().map(({ file }) => file.name)).toEqual(["b.png"]);
});

test("what is dropped while it is sent is stopped and forgotten", async () => {
  const { uploads, sent, aborted } = stage();
  uploads.add([file("a.mp4"), file("b.mp4")]);
  uploads.drop(uploads.list()[0]?.key ?? 0);
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(aborted).toEqual(["a.mp4"]);
  expect(uploads.list().map(({ file, state }) => [file.name, state])).toEqual([["b.mp4", "sending"]]);
});
