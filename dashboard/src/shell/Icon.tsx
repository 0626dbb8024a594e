// One Font Awesome icon as inline SVG. In: its definition. Out: a picture for the eye only (the words stand beside
// it, or on the button). Also says which icon each verdict has. Used by all components.

import type { IconDefinition } from "@fortawesome/fontawesome-common-types";
import { faCircleCheck } from "@fortawesome/free-solid-svg-icons/faCircleCheck";
import { faCircleQuestion } from "@fortawesome/free-solid-svg-icons/faCircleQuestion";
import { faClock } from "@fortawesome/free-solid-svg-icons/faClock";
import { faHourglassHalf } from "@fortawesome/free-solid-svg-icons/faHourglassHalf";
import { faTriangleExclamation } from "@fortawesome/free-solid-svg-icons/faTriangleExclamation";
import type { Label } from "../wire/event";

export function Icon({ of }: { of: IconDefinition }) {
  const [width, height, , , path] = of.icon;
  return (
    <svg className="icon" viewBox={`0 0 ${width} ${height}`} aria-hidden="true" focusable="false">
      <path fill="currentColor" d={typeof path === "string" ? path : path.join(" ")} />
    </svg>
  );
}

export const LABEL_ICONS: Record<Label | "NONE", IconDefinition> = {
  FAKE: faTriangleExclamation,
  UNCERTAIN: faCircleQuestion,
  REAL: faCircleCheck,
  STALE: faClock,
  NONE: faHourglassHalf,
};
