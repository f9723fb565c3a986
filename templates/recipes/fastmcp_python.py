# An MCP server with FastMCP for Python. Its tokens come from Portcullis and are checked by signature.
#
#   pip install "fastmcp==4.2.3"     # tried with this version
#   python server.py

from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token

# A plain string. AnyHttpUrl may put a slash behind it, and clients compare it letter for letter.
ISSUER = {{ terms.issuer }}
# The `aud` of the tokens, letter for letter.
RESOURCE = {{ terms.resource }}

auth = RemoteAuthProvider(
    token_verifier=JWTVerifier(
        jwks_uri={{ terms.jwks_uri }},
        issuer=ISSUER,
        audience=RESOURCE,
        algorithm={{ terms.algorithm }},  # RS256 is taken unless one is named
        # A token without these is a 401. Clients that ask for no scope get them by default.
        required_scopes={{ terms.needs }},
    ),
    authorization_servers=[ISSUER],
    base_url={{ terms.origin }},  # without the path
    scopes_supported={{ terms.scopes }},
    resource_name={{ terms.name }},
)

mcp = FastMCP({{ terms.name }}, auth=auth)


@mcp.tool
def whoami() -> str:
    """Says who is signed in, and by which app."""
    token = get_access_token()
    return f"{token.claims['sub']}, by {token.client_id}"


if __name__ == "__main__":
    mcp.run(transport="http", host="127.0.0.1", port={{ terms.port }}, path={{ terms.path }})
