// How the browser tests run: one file after the other, in node, each driving Debian's Chromium.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    environment: "node",
    fileParallelism: false,
    // A machine that others keep busy is ten times slower; whoever waits for a condition goes on as soon as it is met.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 120_000, interval: 100 } },
  },
});
