// Starts the page: theme, live side, React. Loaded by index.html.

import { createRoot } from "react-dom/client";
import { App } from "./App";
import { LiveContext } from "./live/hooks";
import { startLive } from "./live/live";
import { startTheme } from "./shell/theme";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/wall.css";
import "./style/tile.css";
import "./style/dialog.css";
import "./style/page.css";
import "./style/chart.css";

startTheme();
const root = document.getElementById("root");
// index.html has it.
if (!root) throw new Error("no #root in the page");
createRoot(root).render(
  <LiveContext value={startLive(location)}>
    <App />
  </LiveContext>,
);
