// What lies over a picture that says nothing about now: why, since when, and when it is tried again.
// In: the stream's view. Used by Tile.tsx.

import { faCirclePlay } from "@fortawesome/free-solid-svg-icons/faCirclePlay";
import { faFlagCheckered } from "@fortawesome/free-solid-svg-icons/faFlagCheckered";
import { faPlugCircleXmark } from "@fortawesome/free-solid-svg-icons/faPlugCircleXmark";
import { faSnowflake } from "@fortawesome/free-solid-svg-icons/faSnowflake";
import { faVideoSlash } from "@fortawesome/free-solid-svg-icons/faVideoSlash";
import type { StreamView } from "../live/board";
import type { Lost } from "../live/freshness";
import { useNow } from "../live/hooks";
import { Countdown } from "../shell/Header";
import { Icon } from "../shell/Icon";
import { duration, lostWords } from "../words";

const ICONS: Record<Exclude<Lost, null>, typeof faSnowflake> = {
  link: faPlugCircleXmark,
  stale: faSnowflake,
  silent: faSnowflake,
  fault: faVideoSlash,
  ended: faFlagCheckered,
};

export function LostCover({ view }: { view: StreamView }) {
  const { lost, stream, retryAt, verdictAt } = view;
  if (lost === null) {
    return stream.verdict === null ? (
      <p className="cover" data-cover="waiting">
        <Icon of={faCirclePlay} />
        <span>{stream.state === "live" ? "Waiting for the first frame" : "Connecting to the source"}</span>
      </p>
    ) : null;
  }
  return (
    <div className="cover" data-cover={lost}>
      <Icon of={ICONS[lost]} />
      <strong>{lostWords(lost)}</strong>
      {stream.fault && lost === "fault" && <span className="cover-fault">{stream.fault.message}</span>}
      {lost === "fault" && (
        <span>
          {retryAt === null ? (
            "It will not come back by itself: mend the source, then restart it"
          ) : (
            <NextTry at={retryAt} />
          )}
        </span>
      )}
      {lost !== "fault" && lost !== "ended" && verdictAt !== null && <LastSeen since={verdictAt} />}
    </div>
  );
}

function NextTry({ at }: { at: number }) {
  const over = useNow() >= at;
  return over ? (
    <>Trying again now…</>
  ) : (
    <>
      Tries again in <Countdown until={at} />
    </>
  );
}

function LastSeen({ since }: { since: number }) {
  return <span>last heard of {duration((useNow() - since) / 1000)} ago</span>;
}
