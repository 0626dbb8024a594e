// One event: whose face, which verdict, how long, how sure, and what people made of it. In: the period. Out: the user's
// mark and note to the server, the changed period to the list. Used by EventsPage.tsx.

import { faLink } from "@fortawesome/free-solid-svg-icons/faLink";
import { faPenToSquare } from "@fortawesome/free-solid-svg-icons/faPenToSquare";
import { faUser } from "@fortawesome/free-solid-svg-icons/faUser";
import { type FormEvent, useState } from "react";
import { to } from "../route";
import { Dialog } from "../shell/Dialog";
import { Field } from "../shell/Field";
import { Icon, LABEL_ICONS } from "../shell/Icon";
import { useAction } from "../shell/useAction";
import { type Period, type Review, reviewPeriod, thumbnailOf } from "../wire/record";
import { duration, moment, percent, reasonWords } from "../words";
import { MARKS, REVIEWS } from "./review";

interface Props {
  period: Period;
  onChange: (period: Period) => void;
}

export function PeriodCard({ period, onChange }: Props) {
  const action = useAction();
  const [noting, setNoting] = useState(false);
  const mark = (review: Review) => action.run(async () => onChange(await reviewPeriod(period.id, { review })));
  const review = REVIEWS[period.review];
  return (
    <li className="period glass" data-label={period.label} data-id={period.id}>
      <Thumbnail period={period} />
      <div className="period-main">
        <div className="row">
          <span className="chip">
            <Icon of={LABEL_ICONS[period.label]} /> {period.label}
          </span>
          <a href={to("streams", period.stream)}>{period.stream_name}</a>
          <span className="soft">face {period.track}</span>
          <span className="period-review" data-review={period.review}>
            <Icon of={review.icon} /> {review.word}
          </span>
        </div>
        <p>
          <a className="period-time" href={to("events", period.id)} title="A link to this event">
            <Icon of={faLink} /> <time dateTime={period.began}>{moment(period.began)}</time>
          </a>{" "}
          <span className="soft">
            {period.ended === null ? "still lasting, so far " : "for "}
            {duration(period.secs)} · {period.windows} windows · {period.model}
          </span>
        </p>
        <dl className="period-figures">
          <div>
            <dt>Peak</dt>
            <dd>{percent(period.peak_confidence)}</dd>
          </div>
          <div>
            <dt>Mean</dt>
            <dd>{percent(period.mean_confidence)}</dd>
          </div>
        </dl>
        {period.reasons.length > 0 && <p className="soft">{period.reasons.map(reasonWords).join(" · ")}</p>}
        {period.note && <p className="period-note">“{period.note}”</p>}
        <fieldset className="row period-marks" disabled={action.busy}>
          <legend className="unseen">Review this event</legend>
          {MARKS.map((review) => (
            <button
              key={review}
              type="button"
              className="button small"
              aria-pressed={period.review === review}
              onClick={() => mark(period.review === review ? "none" : review)}
            >
              <Icon of={REVIEWS[review].icon} /> {REVIEWS[review].action}
            </button>
          ))}
          <button type="button" className="button small" onClick={() => setNoting(true)}>
            <Icon of={faPenToSquare} /> Note
          </button>
        </fieldset>
        {action.error && (
          <p className="field-error" role="alert">
            Not kept: {action.error.message}
          </p>
        )}
      </div>
      {noting && <NoteDialog period={period} onChange={onChange} onClose={() => setNoting(false)} />}
    </li>
  );
}

function Thumbnail({ period }: { period: Period }) {
  const [broken, setBroken] = useState(false);
  if (!period.thumbnail || broken) {
    return (
      <span className="period-face" role="img" aria-label="No picture was kept">
        <Icon of={faUser} />
      </span>
    );
  }
  return (
    <img
      className="period-face"
      src={thumbnailOf(period.id)}
      alt={`Face ${period.track} of ${period.stream_name}`}
      loading="lazy"
      onError={() => setBroken(true)}
    />
  );
}

function NoteDialog({ period, onChange, onClose }: Props & { onClose: () => void }) {
  const [note, setNote] = useState(period.note);
  const action = useAction();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (await action.run(async () => onChange(await reviewPeriod(period.id, { note })))) onClose();
  };
  return (
    <Dialog title="Note on this event" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <Field
          label="Note"
          hint="What you know about it; kept with the event and exported"
          error={action.error?.message}
        >
          {(props) => (
            <input {...props} maxLength={500} value={note} onChange={(event) => setNote(event.target.value)} />
          )}
        </Field>
        <div className="form-buttons">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={action.busy}>
            Keep note
          </button>
        </div>
      </form>
    </Dialog>
  );
}
