// How the page is built (into dist/, which the Rust binary embeds) and how its unit tests run.
// `npm run dev` serves the sources and passes API and WebSocket on to a running truevision.

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env.TRUEVISION_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // Fonts stay files: the page's security policy allows no data: addresses.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 400,
    license: { fileName: "licences.md" },
  },
  server: {
    proxy: {
      "/api": server,
      "/healthz": server,
      "/ws": { target: server, ws: true },
    },
  },
  test: {
    include: ["src/**/*.test.{ts,tsx}"],
    environment: "node",
  },
});
