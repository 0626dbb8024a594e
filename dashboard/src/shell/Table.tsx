// Figures as rows. In: heads and rows, the first cell of a row being its name. Out: a table that scrolls sideways where
// there is no room, by keyboard too. Used by the charts and by the pages analyze, health and reference.

import type { ReactNode } from "react";

export interface Row {
  key: string | number;
  cells: ReactNode[];
  /** A verdict, for the colour of what is in it. */
  label?: string;
}

interface Props {
  title: string;
  heads: string[];
  rows: Row[];
  /** Cells from this column on hold sentences and may break; without it none do. */
  wordsFrom?: number;
}

export function Table({ title, heads, rows, wordsFrom = heads.length }: Props) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-scroll" tabIndex={0} aria-label={title}>
      <table>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, label, cells: [first, ...rest] }) => (
            <tr key={key} data-label={label}>
              <th scope="row">{first}</th>
              {rest.map((cell, at) => (
                <td key={heads[at + 1]} className={at + 1 >= wordsFrom ? "words" : undefined}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
