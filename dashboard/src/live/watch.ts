// Which streams the server should make pictures of: those whose tiles are on screen, none while the tab is hidden.
// In: tiles as they come into view and leave it. Out: the list for the link, when it changed. Used by TilePicture.tsx.

/** Scrolling over many tiles asks once, at its end. */
const SETTLE_MS = 150;

export class Watch {
  #visible = new Set<string>();
  #ids = new WeakMap<Element, string>();
  #tell: (ids: string[]) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const id = this.#ids.get(target);
        if (id === undefined) continue;
        if (isIntersecting) this.#visible.add(id);
        else this.#visible.delete(id);
      }
      this.#changed();
    },
    { rootMargin: "64px" },
  );

  constructor(tell: (ids: string[]) => void) {
    this.#tell = tell;
    document.addEventListener("visibilitychange", () => this.#changed());
  }

  add(element: Element, id: string): () => void {
    this.#ids.set(element, id);
    this.#observer.observe(element);
    return () => {
      this.#observer.unobserve(element);
      this.#visible.delete(id);
      this.#changed();
    };
  }

  isVisible(id: string): boolean {
    return this.#visible.has(id) && !document.hidden;
  }

  #changed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(document.hidden ? [] : [...this.#visible].sort()), SETTLE_MS);
  }
}
