// Paints a frame and the boxes of its own faces in one go, so that a box can never lie on another frame.
// In: canvas, image, the header that came with it, whether the stream is lost. Out: pixels. Used by TilePicture.tsx.

import { colour } from "../shell/theme";
import type { Face, Label, Verdict } from "../wire/event";
import { percent } from "../words";

/** How the four verdicts differ besides colour: by word, by mark and by the box's line. */
const MARKS: Record<Label, { mark: string; width: number; dash: number[] }> = {
  FAKE: { mark: "▲", width: 3, dash: [] },
  UNCERTAIN: { mark: "?", width: 2, dash: [6, 4] },
  REAL: { mark: "✓", width: 2, dash: [] },
  STALE: { mark: "◷", width: 1, dash: [2, 4] },
};

const TAG_HEIGHT = 18;
const TAG_PADDING = 5;

/** `width` and `height` are CSS pixels, `density` device pixels in one of them. */
export interface Sheet {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
  density: number;
}

export function paint(sheet: Sheet, image: ImageBitmap, header: Verdict, lost: boolean): void {
  const { context, width, height, density } = sheet;
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  const scale = Math.min(width / header.width, height / header.height);
  const left = (width - header.width * scale) / 2;
  const top = (height - header.height * scale) / 2;
  context.drawImage(image, left, top, header.width * scale, header.height * scale);
  for (const face of header.faces) paintFace(context, face, lost, { scale, left, top, width });
}

interface Place {
  scale: number;
  left: number;
  top: number;
  width: number;
}

function paintFace(context: CanvasRenderingContext2D, face: Face, lost: boolean, place: Place): void {
  const label = lost ? "STALE" : face.label;
  const { mark, width, dash } = MARKS[label];
  const x = place.left + face.rect.x * place.scale;
  const y = place.top + face.rect.y * place.scale;
  const ink = colour(`box-${label.toLowerCase()}`);
  context.lineWidth = width;
  context.strokeStyle = ink;
  context.setLineDash(dash);
  context.strokeRect(x, y, face.rect.width * place.scale, face.rect.height * place.scale);
  context.setLineDash([]);

  const known = label !== "STALE" && face.fake_confidence !== null;
  const words = known ? `${mark} ${label} ${percent(face.fake_confidence)}` : `${mark} ${label}`;
  context.font = `600 11px ${colour("font-text")}`;
  const tagWidth = context.measureText(words).width + 2 * TAG_PADDING;
  const tagX = Math.max(0, Math.min(x - width / 2, place.width - tagWidth));
  const tagY = y >= TAG_HEIGHT ? y - TAG_HEIGHT : y;
  context.fillStyle = ink;
  context.fillRect(tagX, tagY, tagWidth, TAG_HEIGHT);
  context.fillStyle = colour("box-text");
  context.textBaseline = "middle";
  context.fillText(words, tagX + TAG_PADDING, tagY + TAG_HEIGHT / 2 + 0.5);
}
