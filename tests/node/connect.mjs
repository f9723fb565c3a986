// A client of the official TypeScript SDK, from its first 401 to the end of its grant.
//
// It prints one JSON line for each step; tests/clients/typescript.rs plays the
// person in the browser and judges. `node connect.mjs 1|2 SERVER SCOPED_TOOL`:
// both lines of the SDK that are in use, the protected server, the tool for
// which the first permission is too narrow.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const [line, serverUrl, scopedTool] = process.argv.slice(2);
// It warns there of what this script does on purpose; lines for the test go to standard output.
console.warn = () => {};
const sdk = line === '1' ? await versionOne() : await import('@modelcontextprotocol/client');

async function versionOne() {
    const parts = await Promise.all([
        import('@modelcontextprotocol/sdk/client/index.js'),
        import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
        import('@modelcontextprotocol/sdk/client/auth.js')
    ]);
    return Object.assign({}, ...parts);
}

const say = (step, more = {}) => process.stdout.write(`${JSON.stringify({ step, ...more })}\n`);

/// Where the browser comes back to.
class Callback {
    #arrived = [];
    #waiting = [];

    async open() {
        this.server = createServer((request, response) => {
            const url = new URL(request.url, this.url);
            if (url.pathname !== '/callback') return response.writeHead(404).end();
            response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>You can close this window</h1>');
            const waiting = this.#waiting.shift();
            if (waiting) waiting(url.searchParams);
            else this.#arrived.push(url.searchParams);
        });
        await new Promise(ready => this.server.listen(0, '127.0.0.1', ready));
        this.url = `http://localhost:${this.server.address().port}/callback`;
    }

    next() {
        const arrived = this.#arrived.shift();
        return arrived ? Promise.resolve(arrived) : new Promise(waiting => this.#waiting.push(waiting));
    }
}

/// What a host keeps for the SDK: in memory, and hiding nothing from the test.
class Provider {
    #callback;
    #information;
    #tokens;
    #verifier;
    #state;
    #discovered;

    constructor(callback) {
        this.#callback = callback;
    }
    get redirectUrl() {
        return this.#callback.url;
    }
    get clientMetadata() {
        return {
            client_name: `TypeScript SDK ${line}`,
            redirect_uris: [this.redirectUrl],
            grant_types: ['authorization_code', 'refresh_token'],
            response_types: ['code'],
            token_endpoint_auth_method: 'none'
        };
    }
    state() {
        return (this.#state = randomUUID());
    }
    clientInformation() {
        return this.#information;
    }
    saveClientInformation(information) {
        if (!this.#information) say('registered', { client_id: information.client_id, secret: 'client_secret' in information });
        this.#information = information;
    }
    tokens() {
        return this.#tokens;
    }
    saveTokens(tokens) {
        this.#tokens = tokens;
        say('tokens', { access: tokens.access_token, refresh: tokens.refresh_token, scope: tokens.scope });
    }
    forgetTokens() {
        this.#tokens = undefined;
    }
    saveCodeVerifier(verifier) {
        this.#verifier = verifier;
    }
    codeVerifier() {
        return this.#verifier;
    }
    saveDiscoveryState(discovered) {
        this.#discovered = discovered;
    }
    discoveryState() {
        return this.#discovered;
    }
    redirectToAuthorization(url) {
        say('authorize', { url: url.href });
    }
    invalidateCredentials(what) {
        say('invalidated', { what });
        if (what === 'tokens' || what === 'all') this.#tokens = undefined;
        if (what === 'client' || what === 'all') this.#information = undefined;
        if (what === 'discovery' || what === 'all') this.#discovered = undefined;
    }

    /// Waits for the browser, checks the state and redeems the code.
    async finish(transport) {
        const parameters = await this.#callback.next();
        if (parameters.get('state') !== this.#state) throw new Error('the state is another');
        if (parameters.has('error')) throw new Error(parameters.get('error'));
        await transport.finishAuth(line === '1' ? parameters.get('code') : parameters);
    }
}

const callback = new Callback();
await callback.open();
const provider = new Provider(callback);

/// The last 403, for the host of SDK 1.
let challenge;
async function watchingFetch(...request) {
    const response = await fetch(...request);
    if (response.status === 403) {
        challenge = sdk.extractWWWAuthenticateParams(response);
        say('challenged', { error: challenge.error, scope: challenge.scope });
    }
    return response;
}

const newTransport = () => new sdk.StreamableHTTPClientTransport(new URL(serverUrl), { authProvider: provider, fetch: watchingFetch });
const newClient = () => new sdk.Client({ name: 'portcullis-tests', version: '1' });

async function connect() {
    const transport = newTransport();
    try {
        await newClient().connect(transport);
        throw new Error('connected without a token');
    } catch (error) {
        if (!(error instanceof sdk.UnauthorizedError)) throw error;
    }
    await provider.finish(transport);
    const client = newClient();
    const authorized = newTransport();
    await client.connect(authorized);
    return { client, transport: authorized };
}

async function call(client, name, input = {}) {
    const result = await client.callTool({ name, arguments: input });
    say('called', { name, text: result.content?.map(part => part.text).join('\n'), error: result.isError ?? false });
}

/// SDK 2 asks for the union by itself. SDK 1 refreshes, which can not widen a grant, and
/// gives up: then its host asks anew.
async function stepUp(client, transport) {
    try {
        await call(client, scopedTool);
        throw new Error('the narrow token was enough');
    } catch (error) {
        if (line === '1' && error.code === 403) {
            const had = provider.tokens().scope.split(' ');
            const union = [...new Set([...had, ...challenge.scope.split(' ')])].join(' ');
            provider.forgetTokens();
            await sdk.auth(provider, { serverUrl, scope: union, resourceMetadataUrl: challenge.resourceMetadataUrl });
        } else if (!(error instanceof sdk.UnauthorizedError)) {
            throw error;
        }
    }
    await provider.finish(transport);
    await call(client, scopedTool);
}

const { client, transport } = await connect();
say('tools', { names: (await client.listTools()).tools.map(tool => tool.name) });
await call(client, 'whoami');
await call(client, 'add', { a: 2, b: 40 });
await stepUp(client, transport);

if ((await sdk.auth(provider, { serverUrl })) !== 'AUTHORIZED') throw new Error('the refresh was refused');
await call(client, 'whoami');

// The person takes the permission back; the test says when that is done.
say('connected');
await new Promise(line => createInterface({ input: process.stdin }).once('line', line));
say('over', { result: await sdk.auth(provider, { serverUrl }) });
process.exit(0);
