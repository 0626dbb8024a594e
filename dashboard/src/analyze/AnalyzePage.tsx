// Judging files. In: the address. Out: the desk where files are dropped and the history, or one result.
// Shown at #/analyze and #/analyze/<id>.

import type { PageProps } from "../App";
import { Desk } from "./Desk";
import { Report } from "./Report";
import "../style/analyze.css";

export default function AnalyzePage({ id }: PageProps) {
  return id === null ? <Desk /> : <Report key={id} id={id} />;
}
