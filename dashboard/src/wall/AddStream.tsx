// The dialog that adds a stream. In: what the user types. Out: POST /api/streams; the server judges every value, and
// what it refuses stands at its field. Used by App.tsx.

import { type FormEvent, useState } from "react";
import { Dialog } from "../shell/Dialog";
import { Field } from "../shell/Field";
import { useAction } from "../shell/useAction";
import { addStream, type NewStream } from "../wire/api";
import { ADDRESSES } from "./Empty";

const EMPTY = {
  url: "",
  name: "",
  id: "",
  user: "",
  password: "",
  transport: "auto",
  repeat: false,
  no_frames_secs: "5",
};
type Draft = typeof EMPTY;
const FOLDED = ["user", "password", "transport", "repeat", "no_frames_secs"];

/** A stream's id made of its name: what the server takes, a-z 0-9 and dashes. */
export function idFrom(name: string): string {
  const plain = name.normalize("NFKD").toLowerCase();
  return plain
    .replace(/[^a-z0-9_]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);
}

function request(draft: Draft): NewStream {
  const { no_frames_secs, id, ...rest } = draft;
  return { ...rest, id: id || idFrom(draft.name), no_frames_secs: Number(no_frames_secs) };
}

export function AddStream({ onClose }: { onClose: () => void }) {
  const [draft, setDraft] = useState(EMPTY);
  const { busy, error, run } = useAction();
  const set = (key: keyof Draft) => (event: { target: { value: string } }) =>
    setDraft({ ...draft, [key]: event.target.value });
  const errorAt = (key: keyof Draft) => (error?.field === key ? error.message : undefined);
  const elsewhere = error !== null && (error.field === null || !(error.field in EMPTY));
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (await run(() => addStream(request(draft)))) onClose();
  };
  return (
    <Dialog title="Add a stream" onClose={onClose}>
      <form className="form" onSubmit={submit} noValidate>
        <Field
          label="Address"
          hint="rtsp://, http(s)://, srt://, /dev/video0, a file on the server, screen or test"
          error={errorAt("url")}
        >
          {(props) => (
            <input
              {...props}
              list="addresses"
              autoComplete="off"
              spellCheck={false}
              value={draft.url}
              onChange={set("url")}
            />
          )}
        </Field>
        <datalist id="addresses">
          {ADDRESSES.map(([address, meaning]) => (
            <option key={address} value={address}>
              {meaning}
            </option>
          ))}
        </datalist>
        <div className="form-row">
          <Field label="Name" hint="Shown on the wall" error={errorAt("name")}>
            {(props) => <input {...props} autoComplete="off" value={draft.name} onChange={set("name")} />}
          </Field>
          <Field label="Id" hint="a-z A-Z 0-9 _ -, in logs and metrics" error={errorAt("id")}>
            {(props) => (
              <input
                {...props}
                autoComplete="off"
                spellCheck={false}
                placeholder={idFrom(draft.name)}
                value={draft.id}
                onChange={set("id")}
              />
            )}
          </Field>
        </div>
        <details open={(error?.field && FOLDED.includes(error.field)) || undefined}>
          <summary>Sign-in and more</summary>
          <div className="form-row">
            <Field label="User" error={errorAt("user")}>
              {(props) => <input {...props} autoComplete="off" value={draft.user} onChange={set("user")} />}
            </Field>
            <Field label="Password" error={errorAt("password")}>
              {(props) => (
                <input
                  {...props}
                  type="password"
                  autoComplete="new-password"
                  value={draft.password}
                  onChange={set("password")}
                />
              )}
            </Field>
          </div>
          <div className="form-row">
            <Field label="RTSP transport" error={errorAt("transport")}>
              {(props) => (
                <select {...props} value={draft.transport} onChange={set("transport")}>
                  <option value="auto">UDP, else TCP</option>
                  <option value="tcp">TCP</option>
                  <option value="udp">UDP</option>
                </select>
              )}
            </Field>
            <Field label="No frames for, seconds" hint="then it counts as lost" error={errorAt("no_frames_secs")}>
              {(props) => (
                <input {...props} inputMode="decimal" value={draft.no_frames_secs} onChange={set("no_frames_secs")} />
              )}
            </Field>
          </div>
          <label className="check">
            <input
              type="checkbox"
              checked={draft.repeat}
              onChange={(event) => setDraft({ ...draft, repeat: event.target.checked })}
            />
            Play a file again and again
          </label>
        </details>
        <p className="field-error" role="alert">
          {elsewhere && error.message}
        </p>
        <div className="form-buttons">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={busy}>
            {busy ? "Adding…" : "Add stream"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
