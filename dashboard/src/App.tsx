// The page's shell: navigation, header, banners, the page that the address names, and the dialogs over it.
// In: the Live of the page. Pages other than the wall are loaded when first asked for. Used by main.tsx.

import { type ComponentType, lazy, Suspense, useEffect, useRef, useState } from "react";
import { Toast } from "./alerts/Toast";
import { useOverview } from "./live/hooks";
import { type PageName, useRoute } from "./route";
import { Announcer } from "./shell/Announcer";
import { Banners } from "./shell/Banners";
import { Header } from "./shell/Header";
import { ENTRIES, Nav } from "./shell/Nav";
import { TokenDialog } from "./shell/TokenDialog";
import { AddStream } from "./wall/AddStream";
import { Wall } from "./wall/Wall";

export interface PageProps {
  id: string | null;
  query: URLSearchParams;
}

const LAZY: Record<Exclude<PageName, "live">, ComponentType<PageProps>> = {
  streams: lazy(() => import("./stream/StreamPage")),
  events: lazy(() => import("./events/EventsPage")),
  analyze: lazy(() => import("./analyze/AnalyzePage")),
  alerts: lazy(() => import("./alerts/AlertsPage")),
  health: lazy(() => import("./health/HealthPage")),
  model: lazy(() => import("./model/ModelPage")),
  settings: lazy(() => import("./settings/SettingsPage")),
  about: lazy(() => import("./about/AboutPage")),
  api: lazy(() => import("./reference/ReferencePage")),
};

export function App() {
  const [adding, setAdding] = useState(false);
  const { link } = useOverview();
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(route.page);
  const Shown = route.page === "live" ? null : LAZY[route.page];
  const word = ENTRIES.find((entry) => entry.page === route.page)?.word ?? route.id ?? "Stream";

  useEffect(() => {
    document.title = `${word} · TrueVision`;
    if (shown.current === route.page) return;
    shown.current = route.page;
    // As after following any link: the new page begins at its top, for the eye and for the keyboard.
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [route.page, word]);

  return (
    <>
      <a
        className="skip"
        href={location.hash || "#/live"}
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the page
      </a>
      <Nav page={route.page} />
      <div className="body" data-page={route.page}>
        <Header onAdd={() => setAdding(true)} />
        <Banners />
        <main ref={main} tabIndex={-1}>
          {Shown === null ? (
            <Wall onAdd={() => setAdding(true)} />
          ) : (
            <Suspense fallback={<p className="waiting">Loading the page…</p>}>
              <Shown id={route.id} query={route.query} />
            </Suspense>
          )}
        </main>
      </div>
      <Announcer />
      <Toast />
      {adding && <AddStream onClose={() => setAdding(false)} />}
      {link.kind === "denied" && <TokenDialog />}
    </>
  );
}
