// The page: header, banners, the wall, and the dialogs over it. In: the Live of the page. Used by main.tsx.

import { useState } from "react";
import { useOverview } from "./live/hooks";
import { Announcer } from "./shell/Announcer";
import { Banners } from "./shell/Banners";
import { Header } from "./shell/Header";
import { TokenDialog } from "./shell/TokenDialog";
import { AddStream } from "./wall/AddStream";
import { Wall } from "./wall/Wall";

export function App() {
  const [adding, setAdding] = useState(false);
  const { link } = useOverview();
  return (
    <>
      <Header onAdd={() => setAdding(true)} />
      <Banners />
      <main>
        <Wall onAdd={() => setAdding(true)} />
      </main>
      <Announcer />
      {adding && <AddStream onClose={() => setAdding(false)} />}
      {link.kind === "denied" && <TokenDialog />}
    </>
  );
}
