// A modal dialog on the browser's own <dialog>: focus is kept inside, Escape closes, focus returns.
// In: title, content, what closing means (nothing: it cannot be closed). Used by the dialogs of the page.

import { faXmark } from "@fortawesome/free-solid-svg-icons/faXmark";
import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { Icon } from "./Icon";

export function Dialog({ title, onClose, children }: { title: string; onClose?: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  // A layout effect, because only a dialog that is still in the page gives the focus back when it closes.
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    // The browser would choose the close button; who opens a form wants to type.
    dialog?.querySelector("input")?.focus();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
    >
      <header className="dialog-head">
        <h2 id={id}>{title}</h2>
        {onClose && (
          <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
            <Icon of={faXmark} />
          </button>
        )}
      </header>
      {children}
    </dialog>
  );
}
