// An MCP server with the official SDK for TypeScript. Its tokens come from Portcullis and are checked by signature.
//
//   npm install @modelcontextprotocol/sdk@1.32.2 jose@6.2.18     # tried with these versions
//   node server.mjs                                              # as it stands it is JavaScript, too

import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { InvalidTokenError } from "@modelcontextprotocol/sdk/server/auth/errors.js";
import { metadataHandler } from "@modelcontextprotocol/sdk/server/auth/handlers/metadata.js";
import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const issuer = {{ terms.issuer }};
// The `aud` of the tokens, letter for letter.
const resource = {{ terms.resource }};
const algorithm = {{ terms.algorithm }};
// An unknown key is looked for again, at most every half minute.
const keys = createRemoteJWKSet(new URL({{ terms.jwks_uri }}));

const verifier = {
  async verifyAccessToken(token) {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience: resource,
      algorithms: [algorithm],
      typ: "at+jwt",
      requiredClaims: ["exp", "sub", "client_id"],
    }).catch((refused) => {
      console.warn(`a token was refused: ${refused.message}`);
      // Whatever else it is, it is not the token's fault: a 500, and the client keeps the token.
      throw refused instanceof errors.JOSEError ? new InvalidTokenError("The token is not valid here") : refused;
    });
    return {
      token,
      clientId: payload.client_id,
      scopes: String(payload.scope ?? "").split(" "),
      expiresAt: payload.exp,
      resource: new URL(resource),
      extra: { subject: payload.sub },
    };
  },
};

function newServer() {
  const server = new McpServer({ name: {{ terms.name }}, version: "1.0.0" });
  server.registerTool("whoami", { description: "Says who is signed in, and by which app." }, async ({ authInfo }) => ({
    content: [{ type: "text", text: `${authInfo.extra.subject}, by ${authInfo.clientId}` }],
  }));
  return server;
}

// The host under which clients reach it. Unless told, it answers to names of this computer only.
const app = createMcpExpressApp({ allowedHosts: [{{ terms.host }}] });

app.use(
  {{ terms.metadata_route }},
  metadataHandler({
    resource,
    authorization_servers: [issuer],
    scopes_supported: {{ terms.scopes }},
    bearer_methods_supported: ["header"],
    resource_name: {{ terms.name }},
  }),
);

app.all(
  {{ terms.route }},
  requireBearerAuth({
    verifier,
    // Nobody gets in without these. Clients that ask for no scope get them by default.
    requiredScopes: {{ terms.needs }},
    resourceMetadataUrl: {{ terms.metadata }},
  }),
  async (request, response) => {
    const server = newServer();
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    response.on("close", () => server.close());
    await server.connect(transport);
    await transport.handleRequest(request, response, request.body);
  },
);

app.listen({{ terms.port }}, "127.0.0.1");
