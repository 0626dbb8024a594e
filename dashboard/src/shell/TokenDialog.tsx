// Asks for the access token when the server refuses this browser. In: nothing. Out: a session cookie, then the link
// connects again. Used by App.tsx while the link is denied.

import { type FormEvent, useState } from "react";
import { useLive } from "../live/hooks";
import { login } from "../wire/api";
import { Dialog } from "./Dialog";
import { Field } from "./Field";
import { useAction } from "./useAction";

export function TokenDialog() {
  const { link } = useLive();
  const [token, setToken] = useState("");
  const action = useAction();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (await action.run(() => login(token))) link.connect();
  };
  return (
    <Dialog title="Access token">
      <form className="form" onSubmit={submit}>
        <p>This server shows its streams only to those who know its token. Whoever runs it can tell you.</p>
        <Field label="Token" error={action.error?.message}>
          {(props) => (
            <input
              {...props}
              type="password"
              autoComplete="current-password"
              value={token}
              onChange={(event) => setToken(event.target.value)}
            />
          )}
        </Field>
        <div className="form-buttons">
          <button type="submit" className="button primary" disabled={action.busy || token === ""}>
            {action.busy ? "Checking…" : "Sign in"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
