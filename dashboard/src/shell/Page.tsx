// The frame of a page: title, one line of what it is for, its own buttons; and the states of what it asked for.
// In: words and content. Used by all pages but the wall.

import type { IconDefinition } from "@fortawesome/fontawesome-common-types";
import { faCircleExclamation } from "@fortawesome/free-solid-svg-icons/faCircleExclamation";
import type { ReactNode } from "react";
import type { ApiError } from "../wire/call";
import { Icon } from "./Icon";

interface Props {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, lead, actions, children }: Props) {
  return (
    <div className="page">
      <header className="page-head">
        <div>
          <h2>{title}</h2>
          {lead && <p>{lead}</p>}
        </div>
        {actions && <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

interface PanelProps {
  title: string;
  icon?: IconDefinition;
  note?: ReactNode;
  className?: string;
  children: ReactNode;
}

export function Panel({ title, icon, note, className = "", children }: PanelProps) {
  return (
    <section className={`panel glass ${className}`}>
      <header className="panel-head">
        <h3>
          {icon && <Icon of={icon} />}
          {title}
        </h3>
        {note && <span className="panel-note">{note}</span>}
      </header>
      {children}
    </section>
  );
}

/** Why there is nothing to show; `absent` says what a 404 means here. */
export function Waiting({ error, absent }: { error: ApiError | null; absent?: string }) {
  if (error === null) return <p className="waiting">Asking the server…</p>;
  const missing = error.code === "not_found";
  return (
    <div className="waiting" role={missing ? "status" : "alert"}>
      <Icon of={faCircleExclamation} />
      <p>
        {missing
          ? (absent ?? "This server does not offer this page's data; it may be older than the page.")
          : error.message}
      </p>
    </div>
  );
}

export function Nothing({ icon, title, children }: { icon: IconDefinition; title: string; children?: ReactNode }) {
  return (
    <div className="nothing">
      <Icon of={icon} />
      <strong>{title}</strong>
      {children && <p>{children}</p>}
    </div>
  );
}

/** Words and their values, in as many columns as there is room for. */
export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="pairs">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
