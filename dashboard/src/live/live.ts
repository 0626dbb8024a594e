// The live side of the page, wired up: link, board, pictures, watch list and clock.
// In: the address of the page. Out: one Live, made by main.tsx and read through hooks.ts.

import { needsToken } from "../wire/api";
import { Link } from "../wire/link";
import { Board } from "./board";
import { Clock } from "./clock";
import { News } from "./news";
import { Pictures } from "./pictures";
import { Watch } from "./watch";

export interface Live {
  board: Board;
  clock: Clock;
  link: Link;
  news: News;
  pictures: Pictures;
  watch: Watch;
}

export function startLive(page: Location): Live {
  const board = new Board();
  const clock = new Clock();
  const news = new News();
  const pictures = new Pictures();
  const url = `${page.protocol === "https:" ? "wss" : "ws"}://${page.host}/ws`;
  const link = new Link(
    url,
    {
      onEvent: (event) => {
        board.apply(event);
        news.apply(event);
      },
      onPicture: (picture) => pictures.show(picture),
      onState: (state) => board.setLink(state),
    },
    needsToken,
  );
  const watch = new Watch((ids) => link.watch(ids));
  clock.subscribe(() => board.tick());
  link.connect();
  return { board, clock, link, news, pictures, watch };
}
