# An MCP server with FastMCP for Python. Its tokens come from Portcullis
{%- if terms.asker.is_some() %}, which is asked about each: revoked ones are refused at once.
{%- else %} and are checked by signature.
{%- endif %}
#
#   pip install "fastmcp==4.2.3"     # tried with this version
{%- if terms.asker.is_some() %}
#   python server.py                 # with PORTCULLIS_CLIENT_SECRET in its environment, as `portcullis client add` printed it

import os
{%- else %}
#   python server.py
{%- endif %}

from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
{%- if terms.asker.is_some() %}
from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier
{%- else %}
from fastmcp.server.auth.providers.jwt import JWTVerifier
{%- endif %}
from fastmcp.server.dependencies import get_access_token

# A plain string. AnyHttpUrl may put a slash behind it, and clients compare it letter for letter.
ISSUER = {{ terms.issuer }}
# The `aud` of the tokens, letter for letter.
RESOURCE = {{ terms.resource }}

auth = RemoteAuthProvider(
{%- if let Some(client) = terms.asker %}
    token_verifier=IntrospectionTokenVerifier(
        introspection_url={{ terms.introspection }},
        client_id={{ client }},
        client_secret=os.environ["PORTCULLIS_CLIENT_SECRET"],
        audience=RESOURCE,
{%- else %}
    token_verifier=JWTVerifier(
        jwks_uri={{ terms.jwks_uri }},
        issuer=ISSUER,
        audience=RESOURCE,
        algorithm={{ terms.algorithm }},  # RS256 is taken unless one is named
{%- endif %}
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
