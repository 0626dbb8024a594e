// The OpenAPI document as the page shows it. Pure. In: the document as it came. Out: operations by group, schemas as
// short text. What is not there is left out; nothing in it can break the page. Used by ReferencePage.tsx.

type Json = Record<string, unknown>;

export interface Operation {
  method: string;
  path: string;
  summary: string;
  description: string;
  parameters: { name: string; where: string; required: boolean; type: string; description: string }[];
  body: string | null;
  answers: { status: string; description: string; type: string }[];
}

const METHODS = ["get", "post", "put", "patch", "delete"];

const json = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

export function groups(document: Json): [string, Operation[]][] {
  const found = new Map<string, Operation[]>();
  for (const [path, methods] of Object.entries(json(document.paths))) {
    for (const method of METHODS) {
      const raw = json(methods)[method];
      if (raw === undefined) continue;
      const group =
        text(list(json(raw).tags)[0]) ||
        (path.split("/").find((part) => part && part !== "api" && part !== "v1") ?? "api");
      found.set(group, [...(found.get(group) ?? []), operation(method, path, json(raw))]);
    }
  }
  return [...found];
}

function operation(method: string, path: string, raw: Json): Operation {
  return {
    method: method.toUpperCase(),
    path,
    summary: text(raw.summary),
    description: text(raw.description),
    parameters: list(raw.parameters).map((value) => {
      const parameter = json(value);
      return {
        name: text(parameter.name),
        where: text(parameter.in),
        required: parameter.required === true,
        type: typeWords(parameter.schema),
        description: text(parameter.description),
      };
    }),
    body: raw.requestBody === undefined ? null : contentWords(json(raw.requestBody).content),
    answers: Object.entries(json(raw.responses)).map(([status, value]) => ({
      status,
      description: text(json(value).description),
      type: contentWords(json(value).content) ?? "",
    })),
  };
}

function contentWords(content: unknown): string | null {
  const [entry] = Object.entries(json(content));
  if (!entry) return null;
  const [kind, value] = entry;
  const type = typeWords(json(value).schema);
  return kind === "application/json" ? type : `${kind}${type && type !== "any" ? ` (${type})` : ""}`;
}

/** A schema in one line: "Stream", "list of Period", "text or null". */
export function typeWords(schema: unknown): string {
  const shape = json(schema);
  const reference = text(shape.$ref);
  if (reference) return reference.split("/").at(-1) ?? reference;
  const options = [...list(shape.oneOf), ...list(shape.anyOf), ...list(shape.allOf)];
  if (options.length > 0) return [...new Set(options.map(typeWords))].join(" or ");
  if (Array.isArray(shape.enum)) return shape.enum.map((value) => JSON.stringify(value)).join(" | ");
  const types = Array.isArray(shape.type) ? shape.type : [shape.type];
  return types
    .map((type) => {
      if (type === "array") return `list of ${typeWords(shape.items)}`;
      if (type === "string") return text(shape.format) === "binary" ? "bytes" : "text";
      if (type === "integer") return "whole number";
      if (type === "boolean") return "true/false";
      if (type === "object")
        return shape.additionalProperties ? `map of ${typeWords(shape.additionalProperties)}` : "object";
      return typeof type === "string" ? type : "any";
    })
    .join(" or ");
}

export interface Schema {
  name: string;
  description: string;
  fields: { name: string; type: string; required: boolean; description: string }[];
}

export function schemas(document: Json): Schema[] {
  return Object.entries(json(json(document.components).schemas)).map(([name, value]) => {
    const shape = json(value);
    const parts = [shape, ...list(shape.allOf).map(json)];
    const required = new Set(parts.flatMap((part) => list(part.required)));
    const fields = parts.flatMap((part) => Object.entries(json(part.properties)));
    return {
      name,
      description: text(shape.description) || (fields.length === 0 ? typeWords(shape) : ""),
      fields: fields.map(([field, of]) => ({
        name: field,
        type: typeWords(of),
        required: required.has(field),
        description: text(json(of).description),
      })),
    };
  });
}
