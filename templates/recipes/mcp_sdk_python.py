# An MCP server with the official SDK for Python. Its tokens come from Portcullis and are checked by signature.
#
#   pip install "mcp==2.3.0"     # tried with this version; it brings PyJWT
#   python server.py

import logging

import jwt
from anyio import to_thread
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings

ISSUER = {{ terms.issuer }}
# The `aud` of the tokens, letter for letter.
RESOURCE = {{ terms.resource }}
ALGORITHM = {{ terms.algorithm }}


class PortcullisVerifier(TokenVerifier):
    def __init__(self) -> None:
        # An unknown key is looked for again, at most every half minute.
        self.keys = jwt.PyJWKClient({{ terms.jwks_uri }}, lifespan=900)

    async def verify_token(self, token: str) -> AccessToken | None:
        return await to_thread.run_sync(self.read, token)

    def read(self, token: str) -> AccessToken | None:
        try:
            key = self.keys.get_signing_key_from_jwt(token)
            read = jwt.decode_complete(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=RESOURCE,
                leeway=30,
                options={"require": ["iss", "aud", "exp", "sub", "client_id"], "strict_aud": True},
            )
        except jwt.PyJWTError as refused:
            logging.warning("a token was refused: %s", refused)
            return None
        if read["header"].get("typ") != "at+jwt":
            logging.warning("a token was refused: it is no access token")
            return None
        claims = read["payload"]
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims.get("scope", "").split(),
            expires_at=claims["exp"],
            resource=claims["aud"],
            subject=claims["sub"],
            claims=claims,
        )


mcp = MCPServer(
    {{ terms.name }},
    token_verifier=PortcullisVerifier(),
    auth=AuthSettings(
        issuer_url=ISSUER,
        resource_server_url=RESOURCE,
        validate_token_resource=True,
        required_scopes={{ terms.needs }},
    ),
)


@mcp.tool()
def whoami() -> str:
    """Says who is signed in, and by which app."""
    token = get_access_token()
    return f"{token.subject}, by {token.client_id}"


if __name__ == "__main__":
    mcp.run(
        transport="streamable-http",
        host="127.0.0.1",
        port={{ terms.port }},
        streamable_http_path={{ terms.path }},
        # Unless told, it answers to names of this computer only.
        transport_security=TransportSecuritySettings(allowed_hosts=[{{ terms.authority }}], allowed_origins=[{{ terms.origin }}]),
    )
