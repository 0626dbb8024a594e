// A stream's picture with the boxes of the frame it is. In: the stream's id and whether it is lost.
// Out: a canvas; asks for pictures only while it is on screen. Used by Tile.tsx.

import { useEffect, useRef } from "react";
import { useLive } from "../live/hooks";
import { onTheme } from "../shell/theme";
import type { Verdict } from "../wire/event";
import { paint } from "./paint";

/** Finer screens gain nothing: the server's pictures have at most some 640 pixels. */
const MOST_DENSITY = 2;

export function TilePicture({ id, name, lost }: { id: string; name: string; lost: boolean }) {
  const { pictures, watch } = useLive();
  const ref = useRef<HTMLCanvasElement>(null);
  const lostNow = useRef(lost);
  const repaint = useRef<() => void>(() => {});

  useEffect(() => {
    lostNow.current = lost;
    repaint.current();
  }, [lost]);

  useEffect(() => {
    const canvas = ref.current;
    const context = canvas?.getContext("2d");
    if (!canvas || !context) return;
    let newest: { image: ImageBitmap; header: Verdict } | null = null;
    const sheet = { context, width: 0, height: 0, density: 1 };
    repaint.current = () => {
      if (!newest || sheet.width === 0) return;
      paint(sheet, newest.image, newest.header, lostNow.current);
      canvas.dataset.frame = String(newest.header.frame);
    };
    const resize = new ResizeObserver(([entry]) => {
      if (!entry) return;
      sheet.width = entry.contentRect.width;
      sheet.height = entry.contentRect.height;
      sheet.density = Math.min(devicePixelRatio, MOST_DENSITY);
      canvas.width = Math.round(sheet.width * sheet.density);
      canvas.height = Math.round(sheet.height * sheet.density);
      repaint.current();
    });
    resize.observe(canvas);
    const leave = [
      pictures.attach(id, (image, header) => {
        newest?.image.close();
        newest = { image, header };
        repaint.current();
      }),
      watch.add(canvas, id),
      onTheme(() => repaint.current()),
      () => resize.disconnect(),
    ];
    return () => {
      for (const step of leave) step();
      newest?.image.close();
      repaint.current = () => {};
    };
  }, [id, pictures, watch]);

  return (
    <canvas ref={ref} className="picture" role="img" aria-label={`Picture of ${name}; its faces are listed below`} />
  );
}
