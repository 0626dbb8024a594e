// What happened, newest first, as periods: each face's time under one verdict. In: filters (a stream may come with the
// address), or the id of one event. Out: reviews to the server. Shown at #/events and #/events/<id>.

import { faClockRotateLeft } from "@fortawesome/free-solid-svg-icons/faClockRotateLeft";
import { faFileExport } from "@fortawesome/free-solid-svg-icons/faFileExport";
import { useState } from "react";
import type { PageProps } from "../App";
import { useNews } from "../live/hooks";
import { to } from "../route";
import { Icon } from "../shell/Icon";
import { Nothing, Page, Panel, Waiting } from "../shell/Page";
import { useFetched } from "../shell/useFetched";
import { usePaged } from "../shell/usePaged";
import { exportOf, type PeriodFilter, periodAt, periodsOf } from "../wire/record";
import { Filters } from "./Filters";
import { PeriodCard } from "./PeriodCard";
import "../style/events.css";

const ABSENT = "This server keeps no record of events yet.";

export default function EventsPage({ id, query }: PageProps) {
  return id === null ? <List key={query.get("stream")} stream={query.get("stream") ?? ""} /> : <One key={id} id={id} />;
}

function One({ id }: { id: string }) {
  const { data, error, put } = useFetched((signal) => periodAt(id, signal), id);
  return (
    <Page title="Event" lead={<a href={to("events")}>All events</a>}>
      {data ? (
        <ul className="periods">
          <PeriodCard period={data} onChange={put} />
        </ul>
      ) : (
        <Panel title="Event">
          <Waiting error={error} absent="There is no such event; it may be older than the record goes back." />
        </Panel>
      )}
    </Page>
  );
}

function List({ stream }: { stream: string }) {
  const [filter, setFilter] = useState<PeriodFilter>({ stream, label: "", review: "", from: "", to: "" });
  const wanted = { ...filter, from: utc(filter.from), to: utc(filter.to) };
  const paged = usePaged(async (cursor, signal) => {
    const page = await periodsOf(wanted, cursor, signal);
    return { items: page.events, next: page.next };
  }, JSON.stringify(wanted));
  const unfiltered = Object.values(filter).every((value) => value === "");
  useNews("period", (news) => paged.put(news, unfiltered));
  const { items, error } = paged;
  return (
    <Page
      title="Events"
      lead="What happened, newest first: each entry is one face's time under one verdict. Your marks are kept and can be exported for training."
      actions={
        <>
          <a className="button small" href={exportOf(wanted, "json")} download="events.json">
            <Icon of={faFileExport} /> Export JSON
          </a>
          <a className="button small" href={exportOf(wanted, "csv")} download="events.csv">
            <Icon of={faFileExport} /> CSV
          </a>
        </>
      }
    >
      <Filters filter={filter} onChange={setFilter} />
      <p className="unseen" aria-live="polite">
        {items && `${items.length} events shown${paged.more ? ", there are more" : ""}`}
      </p>
      {!items || (error && items.length === 0) ? (
        <Panel title="Events">
          <Waiting error={error} absent={ABSENT} />
        </Panel>
      ) : items.length === 0 ? (
        <Panel title="Events">
          <Nothing
            icon={faClockRotateLeft}
            title={unfiltered ? "Nothing has happened yet" : "No event fits these filters"}
          >
            {unfiltered && "An entry is made as soon as a face on a live stream gets a verdict of its own."}
          </Nothing>
        </Panel>
      ) : (
        <ul className="periods" aria-label="Events">
          {items.map((period) => (
            <PeriodCard key={period.id} period={period} onChange={paged.put} />
          ))}
        </ul>
      )}
      {error && items && items.length > 0 && (
        <p className="field-error" role="alert">
          {error.message}
        </p>
      )}
      {paged.more && (
        <button type="button" className="button" disabled={paged.busy} onClick={paged.onMore}>
          {paged.busy ? "Loading…" : "Show older events"}
        </button>
      )}
    </Page>
  );
}

/** What a date-time field holds, as the server reads times. */
const utc = (local: string): string => (local === "" ? "" : new Date(local).toISOString());
