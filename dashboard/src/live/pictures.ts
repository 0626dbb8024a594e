// Brings pictures to the tiles that show them, past React.
// In: pictures from the link. Out: the decoded image together with the header of its own frame, to the stream's
// painter. One picture a stream is decoded at a time; of those that came meanwhile only the newest is kept.
// Used by live.ts (fills) and wall/TilePicture.tsx (paints).

import type { Verdict } from "../wire/event";
import type { Picture } from "../wire/picture";

/** Takes over the image and closes it. */
export type Painter = (image: ImageBitmap, header: Verdict) => void;

interface Desk {
  paint: Painter;
  busy: boolean;
  next: Picture | null;
}

export class Pictures {
  #desks = new Map<string, Desk>();

  /** Hands the stream's pictures to `paint` until the returned function is called. */
  attach(id: string, paint: Painter): () => void {
    const desk: Desk = { paint, busy: false, next: null };
    this.#desks.set(id, desk);
    return () => {
      if (this.#desks.get(id) === desk) this.#desks.delete(id);
    };
  }

  show(picture: Picture): void {
    const desk = this.#desks.get(picture.header.id);
    if (!desk) return;
    desk.next = picture;
    if (!desk.busy) void this.#work(picture.header.id, desk);
  }

  async #work(id: string, desk: Desk): Promise<void> {
    desk.busy = true;
    while (desk.next) {
      const { header, jpeg } = desk.next;
      desk.next = null;
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
