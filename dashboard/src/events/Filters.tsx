// Which events to show. In: the filter in force. Out: the changed one. Used by EventsPage.tsx.

import { useLive, useOverview } from "../live/hooks";
import { Field } from "../shell/Field";
import type { PeriodFilter } from "../wire/record";
import { REVIEWS } from "./review";

interface Props {
  filter: PeriodFilter;
  onChange: (filter: PeriodFilter) => void;
}

export function Filters({ filter, onChange }: Props) {
  const { board } = useLive();
  const { ids } = useOverview();
  const set = (key: keyof PeriodFilter) => (event: { target: { value: string } }) =>
    onChange({ ...filter, [key]: event.target.value });
  // A stream that is gone may still have events, and the address may name it.
  const streams = filter.stream === "" || ids.includes(filter.stream) ? ids : [...ids, filter.stream];
  return (
    <section className="panel glass filters" aria-label="Filters">
      <Field label="Stream">
        {(props) => (
          <select {...props} value={filter.stream} onChange={set("stream")}>
            <option value="">All</option>
            {streams.map((id) => (
              <option key={id} value={id}>
                {board.stream(id)?.stream.name ?? id}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Verdict">
        {(props) => (
          <select {...props} value={filter.label} onChange={set("label")}>
            <option value="">All</option>
            <option value="FAKE">FAKE</option>
            <option value="UNCERTAIN">UNCERTAIN</option>
            <option value="REAL">REAL</option>
          </select>
        )}
      </Field>
      <Field label="Review">
        {(props) => (
          <select {...props} value={filter.review} onChange={set("review")}>
            <option value="">All</option>
            {Object.entries(REVIEWS).map(([review, { word }]) => (
              <option key={review} value={review}>
                {word}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="From">
        {(props) => <input {...props} type="datetime-local" value={filter.from} onChange={set("from")} />}
      </Field>
      <Field label="To">
        {(props) => <input {...props} type="datetime-local" value={filter.to} onChange={set("to")} />}
      </Field>
    </section>
  );
}
