// The four states of a review, with word, button and icon. Used by Filters.tsx and PeriodCard.tsx.

import type { IconDefinition } from "@fortawesome/fontawesome-common-types";
import { faCheckDouble } from "@fortawesome/free-solid-svg-icons/faCheckDouble";
import { faCircleHalfStroke } from "@fortawesome/free-solid-svg-icons/faCircleHalfStroke";
import { faFlag } from "@fortawesome/free-solid-svg-icons/faFlag";
import { faThumbsDown } from "@fortawesome/free-solid-svg-icons/faThumbsDown";
import type { Review } from "../wire/record";

export const REVIEWS: Record<Review, { word: string; action: string; icon: IconDefinition }> = {
  none: { word: "Not reviewed", action: "Not reviewed", icon: faCircleHalfStroke },
  reviewed: { word: "Reviewed", action: "Reviewed", icon: faCheckDouble },
  confirmed: { word: "Confirmed", action: "Confirm", icon: faFlag },
  false: { word: "Marked false", action: "Mark false", icon: faThumbsDown },
};
export const MARKS: Exclude<Review, "none">[] = ["reviewed", "confirmed", "false"];
