// Brings pictures to the tiles that show them, past React.
// In: pictures from the link. Out: the decoded image together with the header of its own frame, to the stream's
// painter. One picture a stream is decoded at a time; of those that came meanwhile only the newest is kept. Many streams
// share PICTURES_A_SEC, so that a full wall costs no more than a small one; a stream's last picture is always shown.
// Used by live.ts (fills) and wall/TilePicture.tsx (paints).

import type { Verdict } from "../wire/event";
import type { Picture } from "../wire/picture";

/** Pictures decoded and painted a second, all streams together: docs/performance.md has what one costs. */
export const PICTURES_A_SEC = 32;
/** A stream without a picture for so long takes no share. */
const IDLE_MS = 2_000;

/** Takes over the image and closes it. */
export type Painter = (image: ImageBitmap, header: Verdict) => void;

interface Desk {
  paint: Painter;
  busy: boolean;
  next: Picture | null;
  /** performance.now() at which the newest picture came, and at which one was taken up last. */
  cameAt: number;
  takenAt: number;
}

export class Pictures {
  #desks = new Map<string, Desk>();

  /** Hands the stream's pictures to `paint` until the returned function is called. */
  attach(id: string, paint: Painter): () => void {
    const never = Number.NEGATIVE_INFINITY;
    const desk: Desk = { paint, busy: false, next: null, cameAt: never, takenAt: never };
    this.#desks.set(id, desk);
    return () => {
      if (this.#desks.get(id) === desk) this.#desks.delete(id);
    };
  }

  show(picture: Picture): void {
    const desk = this.#desks.get(picture.header.id);
    if (!desk) return;
    desk.next = picture;
    desk.cameAt = performance.now();
    if (!desk.busy) void this.#work(picture.header.id, desk);
  }

  /** How long a stream has to wait for its turn, ms. */
  #wait(desk: Desk): number {
    const now = performance.now();
    let shown = 0;
    for (const { cameAt } of this.#desks.values()) if (now - cameAt < IDLE_MS) shown += 1;
    return desk.takenAt + (1_000 * shown) / PICTURES_A_SEC - now;
  }

  async #work(id: string, desk: Desk): Promise<void> {
    desk.busy = true;
    while (desk.next) {
      const wait = this.#wait(desk);
      if (wait > 0) await new Promise((turn) => setTimeout(turn, wait));
      const { header, jpeg }: Picture = desk.next;
      desk.next = null;
      desk.takenAt = performance.now();
      if (this.#desks.get(id) !== desk) break;
      try {
        const image = await createImageBitmap(jpeg);
        if (this.#desks.get(id) === desk) desk.paint(image, header);
        else image.close();
      } catch {
        // A damaged picture is passed over; the next one is less than a second away.
      }
    }
    desk.busy = false;
  }
}
