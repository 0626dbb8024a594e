// One setting: its meaning, its value with unit and bounds, and the way back to the file's value.
// In: the setting. Out: PATCH /settings, the server's answer to the page. Used by SettingsPage.tsx.

import { faCircleExclamation } from "@fortawesome/free-solid-svg-icons/faCircleExclamation";
import { type FormEvent, useId, useState } from "react";
import { Icon } from "../shell/Icon";
import { useAction } from "../shell/useAction";
import { changeSettings, type Setting } from "../wire/record";

interface Props {
  setting: Setting;
  onChanged: (answer: { settings: Setting[] }) => void;
}

export function SettingRow({ setting, onChanged }: Props) {
  const { key, value, unit, low, high, meaning } = setting;
  const [typed, setTyped] = useState(String(value ?? ""));
  const action = useAction();
  const id = useId();
  const send = (wanted: number | null) => action.run(async () => onChanged(await changeSettings({ [key]: wanted })));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void send(Number(typed));
  };
  return (
    <form className="setting" onSubmit={submit} noValidate>
      <div>
        <label htmlFor={id}>{meaning}</label>
        <p className="soft">
          <code>{key}</code>
          {unit && ` · ${unit}`}
          {low !== null && high !== null && ` · ${low} to ${high}`}
          {` · file: ${setting.default ?? "–"}`}
        </p>
      </div>
      <input
        id={id}
        inputMode="decimal"
        value={typed}
        aria-invalid={action.error !== null}
        aria-describedby={`${id}-error`}
        onChange={(event) => setTyped(event.target.value)}
      />
      <div className="row">
        <button type="submit" className="button small" disabled={action.busy || typed === String(value ?? "")}>
          Apply
        </button>
        <button
          type="button"
          className="button small"
          disabled={action.busy || !setting.changed}
          onClick={() => send(null)}
        >
          Reset
        </button>
      </div>
      <p id={`${id}-error`} className="field-error" role="alert">
        {action.error && (
          <>
            <Icon of={faCircleExclamation} /> {action.error.message}
          </>
        )}
      </p>
    </form>
  );
}
