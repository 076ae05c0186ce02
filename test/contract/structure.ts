/** Which fields OpenAPI 3.1 has in which object: as much of its own schema as our document needs. */

type Rule = (value: unknown) => string[];

const KEY = /^[\w.-]+$/;

/** Names what is missing, unknown or not in its form; empty for a document that is right. */
export function misplaced(document: unknown): string[] {
  return openapi(document);
}

/** An object with these fields, of which those with a `!` are required, and nothing else. */
function object(kind: string, fields: Readonly<Record<string, Rule>>): Rule {
  return value => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${kind} is no object`];
    if ("$ref" in value && kind !== "schema") return onlyRef(kind, value);
    const found = Object.entries(value).flatMap(([name, member]) => {
      const rule = fields[name] ?? fields[`${name}!`];
      if (rule === undefined) return name.startsWith("x-") ? [] : [`${kind} has no field ${name}`];
      return rule(member).map(problem => `${kind}.${name}: ${problem}`);
    });
    const missing = Object.keys(fields).filter(name => name.endsWith("!") && !(name.slice(0, -1) in value));
    return [...found, ...missing.map(name => `${kind} lacks ${name}`)];
  };
}

function onlyRef(kind: string, value: object): string[] {
  const others = Object.keys(value).filter(name => !["$ref", "summary", "description"].includes(name));
  return others.map(name => `${kind}: ${name} beside $ref`);
}

function map(form: RegExp, rule: Rule): Rule {
  return value =>
    Object.entries(value as object).flatMap(([name, member]) => [
      ...(form.test(name) ? [] : [`${name} is no name for it`]),
      ...rule(member).map(problem => `${name}: ${problem}`),
    ]);
}

function list(rule: Rule): Rule {
  return value => (Array.isArray(value) ? value.flatMap(rule) : ["no list"]);
}

function oneOf(...values: readonly unknown[]): Rule {
  return value => (values.includes(value) ? [] : [`${JSON.stringify(value)} is none of ${values.join(", ")}`]);
}

const text: Rule = value => (typeof value === "string" ? [] : ["no text"]);
const flag: Rule = oneOf(true, false);
const anything: Rule = () => [];
const url: Rule = value => (URL.canParse(String(value)) ? [] : ["no URL"]);
/** Ajv looks into them. */
const schema: Rule = value => (typeof value === "object" || typeof value === "boolean" ? [] : ["no schema"]);

const about = { summary: text, description: text };
const example = object("example", { ...about, "value!": anything });
const examples = map(KEY, example);
const media = object("media type", { "schema!": schema, examples });
const content = map(/^[a-z]+\/[\w.+-]+$/, media);
const header = object("header", { description: text, required: flag, "schema!": schema, example: anything });
const parameter = object("parameter", {
  "name!": text,
  "in!": oneOf("path", "query", "header", "cookie"),
  description: text,
  required: flag,
  "schema!": schema,
  example: anything,
});
const response = object("response", { "description!": text, headers: map(/^[\w-]+$/, header), content });
const responses = map(/^([1-5]\d\d|[1-5]XX|default)$/, response);
const requirement = map(KEY, list(text));
const variable = object("server variable", { "default!": text, description: text, enum: list(text) });
const server = object("server", { "url!": text, description: text, variables: map(KEY, variable) });
const operation = object("operation", {
  ...about,
  tags: list(text),
  "operationId!": text,
  parameters: list(parameter),
  requestBody: object("request body", { description: text, required: flag, "content!": content }),
  "responses!": responses,
  "security!": list(requirement),
});
const pathItem = object("path item", {
  ...about,
  servers: list(server),
  parameters: list(parameter),
  get: operation,
  post: operation,
  delete: operation,
});
const flow = object("flow", {
  "authorizationUrl!": url,
  "tokenUrl!": url,
  refreshUrl: url,
  "scopes!": map(/^\w+$/, text),
});
const securityScheme = object("security scheme", {
  "type!": oneOf("mutualTLS", "oauth2"),
  description: text,
  flows: object("flows", { authorizationCode: flow }),
});
const openapi = object("document", {
  "openapi!": text,
  "info!": object("info", {
    "title!": text,
    "version!": text,
    description: text,
    license: object("license", { "name!": text, identifier: text }),
  }),
  servers: list(server),
  tags: list(object("tag", { "name!": text, description: text })),
  "paths!": map(/^\/[\w{}/-]*$/, pathItem),
  components: object("components", {
    schemas: map(KEY, schema),
    responses: map(KEY, response),
    parameters: map(KEY, parameter),
    headers: map(KEY, header),
    securitySchemes: map(KEY, securityScheme),
  }),
});
