// What this browser does when an alert opens: a sound, a notification, both only on the user's wish, which is kept here.
// In: the wish, alerts. Out: sound and notification. Used by Toast.tsx and BellSwitches.tsx.

import type { Alert } from "../wire/alert";
import { percent } from "../words";

const KEYS = { sound: "truevision.sound", notify: "truevision.notify" } as const;
export type Wish = keyof typeof KEYS;

export const wished = (wish: Wish): boolean => localStorage.getItem(KEYS[wish]) === "yes";

/** False: the browser did not allow it. */
export async function setWish(wish: Wish, on: boolean): Promise<boolean> {
  if (on && wish === "notify") {
    if (!("Notification" in globalThis)) return false;
    if ((await Notification.requestPermission()) !== "granted") return false;
  }
  localStorage.setItem(KEYS[wish], on ? "yes" : "no");
  if (on && wish === "sound") chime();
  return true;
}

export function ring(alert: Alert): void {
  if (wished("sound")) chime();
  if (wished("notify") && "Notification" in globalThis && Notification.permission === "granted") {
    new Notification(`FAKE on ${alert.stream_name}`, {
      body: `Fake confidence ${percent(alert.peak_confidence)}`,
      tag: alert.id,
      icon: "/favicon.svg",
    });
  }
}

/** Two short tones; made here, so that no file is needed. */
function chime(): void {
  const context = new AudioContext();
  for (const [at, pitch] of [
    [0, 880],
    [0.18, 660],
  ] as const) {
    const tone = context.createOscillator();
    const loudness = context.createGain();
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.18, context.currentTime + at);
    loudness.gain.exponentialRampToValueAtTime(0.001, context.currentTime + at + 0.16);
    tone.connect(loudness).connect(context.destination);
    tone.start(context.currentTime + at);
    tone.stop(context.currentTime + at + 0.17);
  }
  setTimeout(() => void context.close(), 1_000);
}
