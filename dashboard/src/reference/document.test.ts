// An OpenAPI document becomes readable, and one with holes does not break the page.

import { expect, test } from "vitest";
import { groups, schemas, typeWords } from "./document";

const ref = { $ref: "#/components/schemas/Period" };

test("operations are grouped by tag, else by the first word of their path", () => {
  const document = {
    paths: {
      "/api/v1/events": { get: { tags: ["record"], summary: "Lists", responses: { 200: { description: "ok" } } } },
      "/api/v1/health": { get: {} },
    },
  };
  expect(groups(document).map(([group, operations]) => [group, operations[0]?.method])).toEqual([
    ["record", "GET"],
    ["health", "GET"],
  ]);
});

test.each([
  [ref, "Period"],
  [{ type: "array", items: ref }, "list of Period"],
  [{ type: ["string", "null"] }, "text or null"],
  [{ oneOf: [{ type: "null" }, ref] }, "null or Period"],
  [{ type: "string", enum: ["REAL", "FAKE"] }, '"REAL" | "FAKE"'],
  [{ type: "object", additionalProperties: { type: "integer" } }, "map of whole number"],
  [undefined, "any"],
])("%j reads as %s", (schema, words) => expect(typeWords(schema)).toBe(words));

test("a schema's fields say whether they are required", () => {
  const document = {
    components: {
      schemas: { Note: { required: ["at"], properties: { at: { type: "string" }, by: { type: "string" } } } },
    },
  };
  expect(schemas(document)[0]?.fields.map(({ name, required }) => [name, required])).toEqual([
    ["at", true],
    ["by", false],
  ]);
});

test.each([{}, { paths: 7 }, { paths: { "/x": null }, components: [] }])("%j is an empty reference", (document) => {
  expect(groups(document)).toEqual([]);
  expect(schemas(document)).toEqual([]);
});
