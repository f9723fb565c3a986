// An MCP server with FastMCP for TypeScript. Its tokens come from Portcullis and are checked by signature.
//
//   npm install fastmcp@4.20.16 jose@6.2.18     # tried with these versions
//   node server.mjs                             # as it stands it is JavaScript, too

import { FastMCP } from "fastmcp";
import { createRemoteJWKSet, jwtVerify } from "jose";

const issuer = {{ terms.issuer }};
// The `aud` of the tokens, letter for letter.
const resource = {{ terms.resource }};
const algorithm = {{ terms.algorithm }};
const scopes = {{ terms.scopes }};
// Nobody gets in without these. Clients that ask for no scope get them by default.
const needs = {{ terms.needs }};
const metadata = {{ terms.metadata }};
// An unknown key is looked for again, at most every half minute.
const keys = createRemoteJWKSet(new URL({{ terms.jwks_uri }}));

// FastMCP's own 401 names no scope, and a wrong place for the metadata.
function refuse(status, error) {
  const challenge = [`Bearer resource_metadata="${metadata}"`, `scope="${needs.join(" ")}"`];
  if (error) challenge.push(`error="${error}"`);
  throw new Response(null, { status, headers: { "WWW-Authenticate": challenge.join(", ") } });
}

async function authenticate(request) {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  if (scheme.toLowerCase() !== "bearer" || !token) refuse(401);
  const { payload } = await jwtVerify(token, keys, {
    issuer,
    audience: resource,
    algorithms: [algorithm],
    typ: "at+jwt",
    requiredClaims: ["exp", "sub", "client_id"],
  }).catch((refused) => {
    console.warn(`a token was refused: ${refused.message}`);
    return refuse(401, "invalid_token");
  });
  const granted = String(payload.scope ?? "").split(" ");
  if (!needs.every((scope) => granted.includes(scope))) refuse(403, "insufficient_scope");
  return { subject: payload.sub, client: payload.client_id, scopes: granted };
}

const server = new FastMCP({
  name: {{ terms.name }},
  version: "1.0.0",
  oauth: {
    enabled: true,
    // No `authorizationServer`: clients read our metadata where it is kept up to date.
    protectedResource: {
      resource,
      authorizationServers: [issuer],
      scopesSupported: scopes,
      bearerMethodsSupported: ["header"],
      resourceName: {{ terms.name }},
    },
  },
  authenticate,
});

server.addTool({
  name: "whoami",
  description: "Says who is signed in, and by which app.",
  execute: async (_input, { session }) => `${session.subject}, by ${session.client}`,
});

await server.start({
  transportType: "httpStream",
  // Every network is listened to unless a host is named.
  httpStream: { host: "127.0.0.1", port: {{ terms.port }}, endpoint: {{ terms.path }}, stateless: true },
});
