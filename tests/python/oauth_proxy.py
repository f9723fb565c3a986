# An MCP server whose FastMCP stands between clients and us, as one of our clients: for tests/recipes/proxy.rs.
import os
import sys

from fastmcp import FastMCP
from fastmcp.server.auth import OAuthProxy
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token
from key_value.aio.stores.memory import MemoryStore

issuer, port, client = sys.argv[1:]
base = f"http://127.0.0.1:{port}"

auth = OAuthProxy(
    upstream_authorization_endpoint=f"{issuer}/authorize",
    upstream_token_endpoint=f"{issuer}/token",
    upstream_revocation_endpoint=f"{issuer}/revoke",
    upstream_client_id=client,
    upstream_client_secret=os.environ["PORTCULLIS_CLIENT_SECRET"],
    token_verifier=JWTVerifier(
        jwks_uri=f"{issuer}/jwks",
        issuer=issuer,
        audience=f"{base}/mcp",
        algorithm="ES256",
        required_scopes=["files:read"],
    ),
    base_url=base,
    client_storage=MemoryStore(),
    # What Auth0 wants, and others have to bear.
    extra_authorize_params={"audience": f"{base}/mcp"},
    extra_token_params={"audience": f"{base}/mcp"},
)

mcp = FastMCP("Files", auth=auth)


@mcp.tool
def whoami() -> str:
    return get_access_token().claims["sub"]


mcp.run(transport="http", host="127.0.0.1", port=int(port), path="/mcp")
