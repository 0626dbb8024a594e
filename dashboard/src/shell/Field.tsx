// A labelled form field with its hint and its error, tied together for screen readers.
// In: words and the control as a function of the ids it must carry. Used by the dialogs.

import { faCircleExclamation } from "@fortawesome/free-solid-svg-icons/faCircleExclamation";
import { type ReactNode, useId } from "react";
import { Icon } from "./Icon";

interface ControlProps {
  id: string;
  "aria-describedby": string;
  "aria-invalid": boolean;
}

interface Props {
  label: string;
  hint?: string;
  error?: string | undefined;
  children: (props: ControlProps) => ReactNode;
}

export function Field({ label, hint, error, children }: Props) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": `${id}-hint ${id}-error`, "aria-invalid": error !== undefined })}
      <small id={`${id}-hint`}>{hint}</small>
      <p id={`${id}-error`} className="field-error" role="alert">
        {error !== undefined && (
          <>
            <Icon of={faCircleExclamation} /> {error}
          </>
        )}
      </p>
    </div>
  );
}
