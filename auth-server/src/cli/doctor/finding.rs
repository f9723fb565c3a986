//! What can be found: a code that stays, how bad it is, what clients do with it, what to change.

use serde::Serialize;

use super::client::Client;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// It works, with less than it could, or for fewer clients.
    Warn,
    /// The client does not get further.
    Fail,
}

macro_rules! findings {
    ($($variant:ident = $code:literal $severity:ident, $title:literal, $does:literal, $fix:literal;)*) => {
        /// The kinds of findings. A code is never given to another.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Kind {
            $($variant),*
        }

        impl Kind {
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            pub(super) fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// What is the matter, in a line.
            pub(super) fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            /// What a client does with it, which `{}` stands for.
            fn does(self) -> &'static str {
                match self { $(Self::$variant => $does),* }
            }

            /// What to change.
            pub(super) fn fix(self) -> &'static str {
                match self { $(Self::$variant => $fix),* }
            }

            /// For clients of which nothing else is known.
            pub(super) fn usual_severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),* }
            }
        }
    };
}

findings! {
    NotHttps = "PC-D001" Fail, "the address is not https",
        "{} refuses addresses without TLS, except on its own computer.",
        "serve the MCP server over https.";
    NameUnknown = "PC-D002" Fail, "the name has no address",
        "{} can't find the server.",
        "look for a typing error, and publish an A record for the name.";
    OtherPort = "PC-D003" Warn, "the port is not 443",
        "{} connects from the internet, where other ports are often closed; Claude uses 443 only.",
        "serve the MCP server at port 443, or put a proxy in front of it.";
    NoIpv4 = "PC-D004" Warn, "the name has no IPv4 address",
        "{} may have no way to IPv6; Claude uses IPv4 only.",
        "publish an A record beside the AAAA record.";
    NotPublic = "PC-D005" Fail, "the address is not reachable from the internet",
        "{} connects from the internet, and refuses private addresses.",
        "publish a name with public addresses only, or use a client that runs on your computer.";
    NoConnection = "PC-D010" Fail, "no connection",
        "{} gets no answer at all.",
        "start the server, and let firewalls and proxies pass the port.";
    CertificateUntrusted = "PC-D011" Fail, "the certificate is not trusted",
        "{} ends the connection before it has asked anything.",
        "serve a certificate that is valid for this name now, with every intermediate certificate behind it (the file often called fullchain.pem).";
    TlsTooOld = "PC-D012" Fail, "the server speaks no TLS 1.2 or 1.3",
        "{} refuses older versions.",
        "turn TLS 1.2 or 1.3 on.";
    TlsBroken = "PC-D013" Fail, "TLS does not come about",
        "{} ends the connection before it has asked anything.",
        "look at the log of whatever ends TLS here; it may not speak TLS at this port, or may not know this name.";
    NoAnswer = "PC-D014" Fail, "no answer over HTTP",
        "{} waits, and gives up.",
        "look at the log of the server, and of the proxies in front of it, for this address.";
    EndpointRedirects = "PC-D020" Fail, "the MCP endpoint redirects",
        "{} may follow with a GET, without its token, or not at all.",
        "give people the address it redirects to.";
    EndpointOpen = "PC-D021" Fail, "the MCP endpoint answers without a token",
        "{} connects without signing in.",
        "require a token: answer 401 with a challenge to every request without one.";
    EndpointStatus = "PC-D022" Fail, "the MCP endpoint does not answer 401 to a request without token",
        "{} begins to sign in at a 401, and takes anything else for a failure.",
        "check for the token before anything else, and answer 401; check the path, too.";
    NoChallenge = "PC-D023" Warn, "the 401 has no WWW-Authenticate",
        "{} guesses where the resource metadata is; clients that do not guess stop here.",
        "send WWW-Authenticate: Bearer resource_metadata=\"…\" with every 401.";
    ChallengeNotFirst = "PC-D024" Warn, "WWW-Authenticate does not begin with Bearer",
        "{} may read the first challenge only, and then guesses where the resource metadata is.",
        "send the Bearer challenge first, others after it or in lines of their own.";
    NoResourceMetadata = "PC-D025" Warn, "the challenge has no resource_metadata",
        "{} guesses where the resource metadata is.",
        "add resource_metadata with the address of the resource metadata to the challenge.";
    ResourceMetadataElsewhere = "PC-D026" Warn, "resource_metadata is at another origin",
        "{} may refuse it: clients made with the Rust SDK do.",
        "serve the resource metadata at the origin of the MCP endpoint, and compute its address from settings, not from the Host header.";
    GetNotChallenged = "PC-D027" Warn, "a GET without token is not answered with 401",
        "{} may ask with GET first; Claude takes anything but a challenge for a server that does not work.",
        "check for the token before the method, and challenge GET as POST.";
    OfflineAccess = "PC-D028" Warn, "offline_access is among the scopes of the MCP server",
        "{} asks for it, though it is a matter between client and authorization server.",
        "take offline_access out of the challenge and of the resource metadata.";
    MetadataNowhere = "PC-D030" Fail, "there is no resource metadata",
        "{} does not learn where to sign in; some then try /authorize, /token and /register at this origin.",
        "serve the resource metadata (RFC 9728) as JSON, without token, at the path-inserted address.";
    NamedMetadataMissing = "PC-D031" Fail, "there is no resource metadata where the challenge says",
        "{} asks there and nowhere else, and stops.",
        "correct resource_metadata in the challenge, or serve the document there.";
    NoMetadataAtPath = "PC-D032" Warn, "there is no resource metadata at the path-inserted address",
        "{} may not look elsewhere; Claude then tries /authorize, /token and /register at this origin.",
        "serve it there as well: /.well-known/oauth-protected-resource, followed by the path of the MCP endpoint.";
    NoMetadataAtRoot = "PC-D033" Warn, "there is no resource metadata at the root",
        "{} finds it elsewhere; clients that know the root only stop here.",
        "if this origin has one MCP server, serve its resource metadata at /.well-known/oauth-protected-resource as well.";
    NotJson = "PC-D034" Fail, "a well-known address answers 200 with something that is no JSON object",
        "{} takes a 200 for the document, can't read it, and stops.",
        "answer with the document as application/json, or with 404; a page for every unknown path must not cover /.well-known/.";
    WellKnownRedirects = "PC-D035" Warn, "a well-known address redirects",
        "{} may not follow, and takes it for absent.",
        "answer with the document itself.";
    WellKnownGuarded = "PC-D036" Warn, "a well-known address wants a token or refuses",
        "{} has no token yet, and takes it for absent.",
        "serve everything under /.well-known/ to everybody; look for a firewall that takes clients for robots.";
    WellKnownBroken = "PC-D037" Warn, "a well-known address fails with 5xx",
        "{} may give up here: the official SDKs do.",
        "answer 404 where there is nothing, and look at the log for why it failed.";
    NullMember = "PC-D038" Warn, "a member of a metadata document is null",
        "{} may refuse the whole document.",
        "leave out what has no value.";
    ResourceMissing = "PC-D040" Fail, "the resource metadata does not say which resource it is of",
        "{} refuses the document.",
        "add resource: the address of the MCP endpoint as people type it.";
    ResourceIsParent = "PC-D041" Warn, "resource is not the address asked, but one above it",
        "{} may accept it; Claude wants the very address that people type.",
        "set resource to the address of the MCP endpoint as people type it.";
    ResourceSlash = "PC-D042" Warn, "resource differs from the address asked by a slash at its end",
        "{} may accept it; Claude wants the very address that people type, and tokens carry one of the two as audience.",
        "write the address the same way everywhere, without the slash.";
    ResourceOther = "PC-D043" Fail, "resource is another address than the one asked",
        "{} takes the document for another server's, and stops.",
        "set resource to the address of the MCP endpoint as people type it; behind a proxy, from settings.";
    NoAuthorizationServer = "PC-D044" Fail, "the resource metadata names no authorization server",
        "{} does not learn where to sign in.",
        "add authorization_servers with the issuer of your authorization server.";
    SeveralAuthorizationServers = "PC-D045" Warn, "the resource metadata names several authorization servers",
        "{} may know the first only.",
        "list the one to be used first.";
    MetadataDiffers = "PC-D046" Warn, "the resource metadata differs from place to place",
        "{} goes by one of them, other clients by another.",
        "serve the same document at each address.";
    IssuerUnusable = "PC-D050" Fail, "the issuer is not an https address without query and fragment",
        "{} refuses it.",
        "write the issuer as the authorization server names itself in its own metadata.";
    IssuerSlash = "PC-D051" Warn, "the issuer is an origin with a slash behind it",
        "{} compares issuers character by character; libraries add or remove this slash without being asked.",
        "if your authorization server names itself without the slash, write it so; in FastMCP give the issuer as a plain string, not as AnyHttpUrl.";
    ServerMetadataNowhere = "PC-D060" Fail, "there is no metadata of the authorization server",
        "{} does not learn its endpoints; some then try /authorize, /token and /register.",
        "serve it (RFC 8414) at /.well-known/oauth-authorization-server, followed by the path of the issuer; check the issuer in the resource metadata.";
    IssuerDiffers = "PC-D061" Fail, "the authorization server names itself differently",
        "{} compares the two character by character, and stops.",
        "write the issuer in the resource metadata as the authorization server has it in its own.";
    PlainNotFound = "PC-D062" Warn, "a 404 of the authorization server is not JSON",
        "{} goes on; clients that read the answer as JSON stop.",
        "answer 404 with a JSON object under /.well-known/.";
    ServerMetadataDiffers = "PC-D063" Warn, "the two documents of the authorization server differ",
        "{} goes by one of them, other clients by another.",
        "serve the same endpoints in both, or 404 for the one you do not need.";
    EndpointMissing = "PC-D070" Fail, "the authorization server does not name an endpoint that is needed",
        "{} has nowhere to go.",
        "add the member to the metadata.";
    EndpointInsecure = "PC-D071" Fail, "an endpoint is no https address",
        "{} refuses it.",
        "name endpoints by https addresses; behind a proxy that ends TLS, tell the authorization server its outer address.";
    NoS256 = "PC-D072" Fail, "code_challenge_methods_supported does not list S256",
        "{} must not go on without PKCE.",
        "turn PKCE on, and list S256.";
    NoCodeFlow = "PC-D073" Fail, "the authorization server offers no authorization code",
        "{} signs in with response type code and grant authorization_code only.",
        "list code in response_types_supported, and authorization_code in grant_types_supported if that is there.";
    NoRefresh = "PC-D074" Warn, "refresh_token is not among the grant types",
        "{} asks people to sign in whenever a token expires.",
        "list refresh_token in grant_types_supported, and issue refresh tokens.";
    NoRegistration = "PC-D075" Warn, "clients can't make themselves known",
        "{} needs a client id that you enter by hand.",
        "turn on client id metadata documents or dynamic client registration, or register the client yourself and enter its id there.";
    DocumentsWithoutNone = "PC-D076" Warn, "client id metadata documents are supported, but none is not listed",
        "{} may use its document only if token_endpoint_auth_methods_supported lists none; Claude falls back to registration.",
        "list none in token_endpoint_auth_methods_supported.";
    NoIss = "PC-D077" Warn, "authorization responses carry no iss",
        "{} can't tell whose answer it is; ChatGPT then returns to an address of its own for each app.",
        "send iss with every authorization response, and say so with authorization_response_iss_parameter_supported.";
    OpenIdIncomplete = "PC-D078" Warn, "the OpenID document lacks members that it must have",
        "{} refuses the document if it is the one it finds first.",
        "complete it, or answer 404 there.";
    TokenErrorStatus = "PC-D100" Fail, "the token endpoint does not answer a wrong request with 4xx",
        "{} takes a 2xx for tokens, and a 5xx for a server that is down.",
        "answer what can't be granted with 400, and a client that is not known with 401.";
    TokenErrorShape = "PC-D101" Fail, "the token endpoint answers a wrong request without an error object",
        "{} can't tell what went wrong, and does not register anew or ask the person again where that would help.",
        "answer with application/json and a member error (RFC 6749, section 5.2).";
    UnknownClientStatus = "PC-D102" Warn, "an unknown client is not refused with 401",
        "{} may register anew only at a 401 with invalid_client, and else stay stuck when its registration has gone.",
        "answer 401 with error invalid_client.";
    PreflightRefused = "PC-D080" Warn, "a browser may not ask: the preflight is refused",
        "{} can't ask this from a page in a browser.",
        "answer OPTIONS without token, with Access-Control-Allow-Origin: * and the method.";
    PreflightHeader = "PC-D081" Warn, "a browser may not send a header that clients send",
        "{} sends it, and the browser refuses the request.",
        "list the header in Access-Control-Allow-Headers.";
    AnswerHidden = "PC-D082" Warn, "a browser hides the answer from the page",
        "{} can't read it from a page in a browser.",
        "send Access-Control-Allow-Origin: * with every answer, errors too.";
    ChallengeHidden = "PC-D083" Warn, "a browser hides the challenge from the page",
        "{} can't read WWW-Authenticate from a page in a browser, and guesses where the resource metadata is.",
        "send Access-Control-Expose-Headers: WWW-Authenticate with the 401.";
    TooSlow = "PC-D090" Fail, "an answer takes longer than the client waits",
        "{} gives up, and says that it could not connect.",
        "find out what is slow: a cold start, a far-away database, a proxy.";
    Slow = "PC-D091" Warn, "an answer takes more than half the time that the client waits",
        "{} gets it today, and on a slower day gives up.",
        "find out what is slow: a cold start, a far-away database, a proxy.";
}

impl Kind {
    /// As bad as it is for this client (section 4 of the requirements, K-01 to K-34).
    pub(super) fn severity(self, client: Client) -> Severity {
        let is_fatal = match client {
            Client::Claude => {
                matches!(self, Self::OtherPort | Self::NoIpv4 | Self::GetNotChallenged | Self::ResourceIsParent | Self::ResourceSlash)
            }
            Client::Inspector => {
                let hidden = matches!(self, Self::PreflightRefused | Self::PreflightHeader | Self::AnswerHidden);
                hidden || matches!(self, Self::ChallengeNotFirst | Self::WellKnownBroken | Self::NullMember)
            }
            Client::Fastmcp => matches!(self, Self::WellKnownBroken | Self::NullMember),
            Client::Any | Client::Chatgpt | Client::Vscode | Client::Cursor => false,
        };
        if is_fatal { Severity::Fail } else { self.usual_severity() }
    }

    /// The section on the page of findings.
    pub(super) fn page(self) -> String {
        format!("docs/doctor.md#{}", self.code().to_lowercase())
    }

    fn does_with(self, client: Client) -> String {
        self.does().replace("{}", client.name())
    }
}

/// What was found, and where it shows.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    #[serde(skip)]
    pub(super) kind: Kind,
    code: &'static str,
    pub(super) severity: Severity,
    pub(super) title: &'static str,
    /// Line by line, what was seen.
    pub(super) seen: Vec<String>,
    /// What the client does with it.
    pub(super) client: String,
    pub(super) fix: &'static str,
    page: String,
}

impl Finding {
    pub(super) fn new(kind: Kind, client: Client, seen: Vec<String>) -> Self {
        Self {
            kind,
            code: kind.code(),
            severity: kind.severity(client),
            title: kind.title(),
            seen,
            client: kind.does_with(client),
            fix: kind.fix(),
            page: kind.page(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A kind's section of the page.
    fn section(kind: Kind) -> String {
        let usual = match kind.usual_severity() {
            Severity::Warn => "warning",
            Severity::Fail => "failure",
        };
        let all = [Client::Claude, Client::Chatgpt, Client::Vscode, Client::Cursor, Client::Inspector, Client::Fastmcp];
        let worse = all.into_iter().filter(|client| kind.severity(*client) != kind.usual_severity());
        let worse: Vec<_> = worse.map(|client| client.name().replace("The ", "the ")).collect();
        let worse = if worse.is_empty() { String::new() } else { format!(", for {} a failure", worse.join(" and ")) };
        let does = kind.does().replace("{}", "A client");
        format!("## {}\n\n**{}** ({usual}{worse})\n\n{does}\n\nFix: {}\n", kind.code(), kind.title(), kind.fix())
    }

    #[test]
    fn every_finding_has_its_section_on_the_page() {
        let page = include_str!("../../../../docs/doctor.md");
        let missing: Vec<_> = Kind::ALL.iter().map(|kind| section(*kind)).filter(|section| !page.contains(section.as_str())).collect();
        assert!(missing.is_empty(), "docs/doctor.md lacks or has otherwise:\n\n{}", missing.join("\n"));
        assert_eq!(page.matches("\n## PC-D").count(), Kind::ALL.len(), "a section too many");
    }

    #[test]
    fn a_code_is_given_once() {
        let codes: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), Kind::ALL.len());
    }

    // K-03, K-19, K-20, K-23
    #[test]
    fn a_finding_is_as_bad_as_it_is_for_the_client() {
        for (kind, client) in [
            (Kind::OtherPort, Client::Claude),
            (Kind::NoIpv4, Client::Claude),
            (Kind::GetNotChallenged, Client::Claude),
            (Kind::ChallengeNotFirst, Client::Inspector),
            (Kind::NullMember, Client::Fastmcp),
        ] {
            assert_eq!((kind.severity(client), kind.severity(Client::Any)), (Severity::Fail, Severity::Warn), "{kind:?}");
        }
        let finding = Finding::new(Kind::ResourceSlash, Client::Claude, Vec::new());
        assert!(finding.client.starts_with("Claude may accept it"), "{}", finding.client);
    }
}
