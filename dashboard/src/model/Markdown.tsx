// Markdown as React elements: nothing in it can become a script, because no HTML is ever made of it.
// In: text. Out: headings, paragraphs, lists, tables, code; HTML in the text stays text. Used by ModelPage.tsx.

import { lexer, type Token, type Tokens } from "marked";
import { Fragment, type ReactNode } from "react";

/** The page has headings of its own above. */
const LOWER = 2;

export function Markdown({ text }: { text: string }) {
  return <div className="markdown">{all(lexer(text))}</div>;
}

const all = (tokens: Token[] = []): ReactNode =>
  // biome-ignore lint/suspicious/noArrayIndexKey: a piece of a text has no other name than its place
  tokens.map((token, at) => <Fragment key={`${at}${token.type}`}>{one(token)}</Fragment>);

function one(token: Token): ReactNode {
  switch (token.type) {
    case "space":
      return null;
    case "heading": {
      const Tag = `h${Math.min(6, (token as Tokens.Heading).depth + LOWER)}` as "h3";
      return <Tag>{all(token.tokens)}</Tag>;
    }
    case "paragraph":
      return <p>{all(token.tokens)}</p>;
    case "text":
      return token.tokens ? all(token.tokens) : plain((token as Tokens.Text).text);
    case "strong":
      return <strong>{all(token.tokens)}</strong>;
    case "em":
      return <em>{all(token.tokens)}</em>;
    case "codespan":
      return <code>{plain(token.text)}</code>;
    case "code":
      return <pre>{token.text}</pre>;
    case "br":
      return <br />;
    case "hr":
      return <hr />;
    case "blockquote":
      return <blockquote>{all(token.tokens)}</blockquote>;
    case "list": {
      const list = token as Tokens.List;
      const Tag = list.ordered ? "ol" : "ul";
      return (
        <Tag>
          {list.items.map((item) => (
            <li key={item.raw}>{all(item.tokens)}</li>
          ))}
        </Tag>
      );
    }
    case "table":
      return table(token as Tokens.Table);
    // A link of the card leads to files that are not served, or to another host: its words are kept.
    case "link":
      return all(token.tokens);
    case "escape":
      return token.text;
    default:
      return token.raw;
  }
}

function table({ header, rows }: Tokens.Table): ReactNode {
  const heads = header.some(({ text }) => text !== "");
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-scroll" tabIndex={0} aria-label={header[0]?.text || "Figures"}>
      <table>
        {heads && (
          <thead>
            <tr>
              {header.map((cell, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a column has no other name than its place
                <th key={at} scope="col">
                  {all(cell.tokens)}
                </th>
              ))}
            </tr>
          </thead>
        )}
        <tbody>
          {rows.map((row, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: nor has a row
            <tr key={at}>
              {row.map((cell, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: nor has a cell
                <td key={column} className="words">
                  {all(cell.tokens)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const ENTITIES: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" };

/** React escapes by itself; what the lexer escaped would show twice. */
const plain = (text: string): string => text.replace(/&(lt|gt|quot|#39|amp);/g, (entity) => ENTITIES[entity] ?? entity);
