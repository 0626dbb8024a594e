// The API, readable: every operation with its parameters and answers, and the shapes they use.
// In: /openapi.json, which the server makes from its code. Shown at #/api.

import { faCode } from "@fortawesome/free-solid-svg-icons/faCode";
import { faDownload } from "@fortawesome/free-solid-svg-icons/faDownload";
import { faShapes } from "@fortawesome/free-solid-svg-icons/faShapes";
import { useMemo } from "react";
import { Icon } from "../shell/Icon";
import { Page, Panel, Waiting } from "../shell/Page";
import { type Row, Table } from "../shell/Table";
import { useFetched } from "../shell/useFetched";
import { API } from "../wire/call";
import { openApi } from "../wire/state";
import { groups, type Operation, type Schema, schemas } from "./document";
import "../style/reference.css";

export default function ReferencePage() {
  const { data, error } = useFetched(openApi, "openapi");
  const found = useMemo(() => (data ? groups(data) : []), [data]);
  const shapes = useMemo(() => (data ? schemas(data) : []), [data]);
  return (
    <Page
      title="API"
      lead="Everything on these pages is there for programs too: REST below, live events on the WebSocket at /ws."
      actions={
        <a className="button small" href={`${API}/openapi.json`} download>
          <Icon of={faDownload} /> OpenAPI document
        </a>
      }
    >
      {!data && (
        <Panel title="Operations" icon={faCode}>
          <Waiting error={error} absent="This server does not describe its API yet; docs/api.md does." />
        </Panel>
      )}
      {found.map(([group, operations]) => (
        <Panel key={group} title={group} icon={faCode}>
          <div className="list">
            {operations.map((operation) => (
              <OperationCard key={operation.method + operation.path} operation={operation} />
            ))}
          </div>
        </Panel>
      ))}
      {shapes.length > 0 && (
        <Panel title="Shapes" icon={faShapes}>
          <div className="list">
            {shapes.map((schema) => (
              <SchemaCard key={schema.name} schema={schema} />
            ))}
          </div>
        </Panel>
      )}
    </Page>
  );
}

function OperationCard({ operation }: { operation: Operation }) {
  const { method, path, summary, description, parameters, body, answers } = operation;
  return (
    <details className="card operation">
      <summary>
        <span className="method" data-method={method}>
          {method}
        </span>
        <code>{path}</code> <span className="soft">{summary}</span>
      </summary>
      <div className="stack">
        {description && <p>{description}</p>}
        {parameters.length > 0 && (
          <Table
            title={`Parameters of ${method} ${path}`}
            heads={["Parameter", "Type", "Meaning"]}
            wordsFrom={1}
            rows={parameters.map(({ name, where, required, type, description }) =>
              named(`${name} (${where}${required ? "" : ", optional"})`, type, description),
            )}
          />
        )}
        {body !== null && (
          <p>
            Body: <code>{body}</code>
          </p>
        )}
        <Table
          title={`Answers of ${method} ${path}`}
          heads={["Answer", "Type", "When"]}
          wordsFrom={1}
          rows={answers.map(({ status, type, description }) => named(status, type, description))}
        />
      </div>
    </details>
  );
}

function SchemaCard({ schema: { name, description, fields } }: { schema: Schema }) {
  return (
    <details className="card operation">
      <summary>
        <code>{name}</code> <span className="soft">{fields.map((field) => field.name).join(", ")}</span>
      </summary>
      <div className="stack">
        {description && <p>{description}</p>}
        {fields.length > 0 && (
          <Table
            title={`Fields of ${name}`}
            heads={["Field", "Type", "Meaning"]}
            wordsFrom={1}
            rows={fields.map(({ name, required, type, description }) =>
              named(required ? name : `${name} (optional)`, type, description),
            )}
          />
        )}
      </div>
    </details>
  );
}

function named(name: string, ...rest: string[]): Row {
  return { key: name, cells: [<code key="name">{name}</code>, ...rest] };
}
