-- Rows as the first release wrote them, into the schema of its thirteen steps: a person, two clients, a resource added by command,
-- signing keys, two grants and three token families. The test beside it knows the refresh tokens and the master key; none of them
-- was ever anywhere else.
--
-- NEVER write this file anew, and never change it. People have rows like these: a release that can not read them ends their sessions.
-- A step of the schema that breaks it has to bring such rows along.
--
-- Written by SQLite (PostgreSQL takes the same, with another mark before bytes); {issuer} is the address of the server under test,
-- and what would have ended by now ends in the year 2999.

INSERT INTO issuers (id, issuer, catalogue_version) VALUES
    (1, '{issuer}', 3);

INSERT INTO signing_keys (issuer_id, kid, algorithm, public_jwk, sealed_private, created_at, activated_at, retired_at, leaves_at) VALUES
    (1, 'ZL7ZtszXRw5rEOlW9r9famcj8oFMG9uhGkTXFtBsKQc', 'ES256', '{"kty":"EC","crv":"P-256","x":"M4ARMq_3PMCu2v2jKzSRh9giyTk5yew9fr3hFwSWYGI","y":"kcXLtF5v5XUpZygz7n-aPYNsu6nVXhpZbklETiqTUqk","kid":"ZL7ZtszXRw5rEOlW9r9famcj8oFMG9uhGkTXFtBsKQc","alg":"ES256","use":"sig"}', X'01c99f3f283699235354c66e1a241c3d24e546597ee42d8377e7e2acf297d81f2e552926692a9eb610969e70a48c85e4dd8c5ce4ba180d2cdf99b97164f9f7e0a9901b62034e3e1350680a8b2c9fed81aa076ee1711bbee842f53d0475bad4984ced28573445110e63abb5490730446ab22b0500bbfff56dc2b6981ceb68d224159d3ca47952c128c912d8c87c621af9b386f463dabb1c65b54d', '2026-11-25T20:07:53.290079+00:00', '2026-11-25T20:07:53.290079+00:00', NULL, NULL);
INSERT INTO signing_keys (issuer_id, kid, algorithm, public_jwk, sealed_private, created_at, activated_at, retired_at, leaves_at) VALUES
    (1, '1p5MakhyhfNJ7Wzy7SgzbaWC7B-XCJYXE9ymEXiVXPs', 'ES256', '{"kty":"EC","crv":"P-256","x":"5Zt67EYlTBMfoPmzgpHrOsNbw_PZoun2CfViEK2-UrY","y":"Z2-PvlTjYc-pSCLUZwhHCNOaHz1GdfkyG14lMaguRWc","kid":"1p5MakhyhfNJ7Wzy7SgzbaWC7B-XCJYXE9ymEXiVXPs","alg":"ES256","use":"sig"}', X'01c99f3f28adbf5aeca40f89df071a4ca0ea488fcff022e037a809c696d33a60223e7261366529769a09da186d8fc1cddc95813c69cb2fb55783519f87e2a789cfaf210a6f727d167ddb6b5f6e5ffc0e6625ff20fff5561e15d5afef4e2cc5017e2669ad7c98ebb358dc79778cf7e83cc72fd572830cdfdb48d8f4204fbf90301a1e1428995dacc227d10f2f1331be8f1befc30415208d629419', '2026-11-25T20:07:53.290079+00:00', NULL, NULL, NULL);

INSERT INTO users (issuer_id, id, name, name_key, email, email_key, password_hash, created_at, disabled_at, last_signed_in_at) VALUES
    (1, 'u_01a21452635b772b86610b6e4f4535d1', 'ada', 'ada', NULL, NULL, '$argon2id$v=19$m=19456,t=2,p=1$yvO+1y5bL+GHezzdasfYhw$jpJTqaH5AvhQ0w4h78GgDJyVC++MzvoNVhiAKN2hU4Y', '2026-11-25T20:07:53.435450+00:00', NULL, '2026-11-25T20:07:53.640668+00:00');

INSERT INTO resources (issuer_id, canonical, record, created_at) VALUES
    (1, 'https://notes.example.com/mcp', '{"identifier":"https://notes.example.com/mcp","name":"Notes","scopes":[{"token":"notes:read","sentence":"Read your notes"},{"token":"notes:write","sentence":"Change your notes"}],"default_scopes":"notes:read","token_lifetime":600,"signing_algorithm":"ES256","origin_alias":false}', '2026-11-25T20:07:53.550662+00:00');

INSERT INTO clients (issuer_id, id, origin, record, created_at, first_used_at, last_used_at) VALUES
    (1, 'pc_c_BZ1tXD_gf-az4V2k9afebA', 'registered', '{"id":"pc_c_BZ1tXD_gf-az4V2k9afebA","origin":"registered","name":"Test client","redirect_uris":["https://client.example.com/callback"],"grant_types":["authorization_code","refresh_token"],"token_endpoint_auth_method":"none","trusted":false,"created_at":"2026-11-25T20:07:53.559959Z"}', '2026-11-25T20:07:53.559959+00:00', '2026-11-25T20:07:53.738630+00:00', '2999-01-01T00:00:00+00:00');
INSERT INTO clients (issuer_id, id, origin, record, created_at, first_used_at, last_used_at) VALUES
    (1, 'pc_c_os_yi7_NzoKfBUwCHm41SQ', 'operator', '{"id":"pc_c_os_yi7_NzoKfBUwCHm41SQ","origin":"operator","name":"Workshop","redirect_uris":["https://client.example.com/callback"],"grant_types":["authorization_code","refresh_token","client_credentials"],"token_endpoint_auth_method":"client_secret_basic","secrets":[{"hash":"8rQxPBiM5UGMfA3wLsovHeWzB7skzBrH_oj39Ory4X0","created_at":"2026-11-25T20:07:53.797065Z"}],"machine_scopes":{"https://notes.example.com/mcp":"notes:read notes:write"},"trusted":false,"created_at":"2026-11-25T20:07:53.797065Z"}', '2026-11-25T20:07:53.797065+00:00', '2026-11-25T20:07:53.913991+00:00', '2999-01-01T00:00:00+00:00');

INSERT INTO grants (issuer_id, id, user_id, client_id, resource, scope, created_at, last_used_at, revoked_at, revoked_because) VALUES
    (1, '01a21452-648a-77e5-94ca-4d3ef6699638', 'u_01a21452635b772b86610b6e4f4535d1', 'pc_c_BZ1tXD_gf-az4V2k9afebA', 'https://files.example.com/mcp', 'files:read files:write', '2026-11-25T20:07:53.738630+00:00', '2026-11-25T20:07:53.759616+00:00', NULL, NULL);
INSERT INTO grants (issuer_id, id, user_id, client_id, resource, scope, created_at, last_used_at, revoked_at, revoked_because) VALUES
    (1, '01a21452-6539-78cc-bd48-83da68c8706f', 'u_01a21452635b772b86610b6e4f4535d1', 'pc_c_os_yi7_NzoKfBUwCHm41SQ', 'https://notes.example.com/mcp', 'notes:read notes:write', '2026-11-25T20:07:53.913991+00:00', '2026-11-25T20:07:53.913991+00:00', NULL, NULL);

INSERT INTO token_families (issuer_id, id, grant_id, client_id, user_id, user_name, resource, scope, auth_time, created_at, generation, current_hash, parent_hash, rotated_at, last_used_at, idle_expires_at, expires_at, revoked_at, revoked_because) VALUES
    (1, '01a21452-6492-7e5e-aa95-a67c8eae6772', '01a21452-648a-77e5-94ca-4d3ef6699638', 'pc_c_BZ1tXD_gf-az4V2k9afebA', 'u_01a21452635b772b86610b6e4f4535d1', 'ada', 'https://files.example.com/mcp', 'files:read files:write', '2026-11-25T20:07:53.640668+00:00', '2026-11-25T20:07:53.747091+00:00', 0, X'dec7c6f7f394e9a26b6e35efade7a512a21b895e294e689baa85fdf35cb68157', NULL, NULL, '2026-11-25T20:07:53.747091+00:00', '2999-01-01T00:00:00+00:00', '2999-01-01T00:00:00+00:00', NULL, NULL);
INSERT INTO token_families (issuer_id, id, grant_id, client_id, user_id, user_name, resource, scope, auth_time, created_at, generation, current_hash, parent_hash, rotated_at, last_used_at, idle_expires_at, expires_at, revoked_at, revoked_because) VALUES
    (1, '01a21452-64a3-7143-8101-2816ed3e6b63', '01a21452-648a-77e5-94ca-4d3ef6699638', 'pc_c_BZ1tXD_gf-az4V2k9afebA', 'u_01a21452635b772b86610b6e4f4535d1', 'ada', 'https://files.example.com/mcp', 'files:read', '2026-11-25T20:07:53.640668+00:00', '2026-11-25T20:07:53.764105+00:00', 1, X'b7a1b31ab2fc47c8c17911421aff434e33a1cda1a922cd30685345189f736d4c', X'e79c4bbb0a5155f12f2cc40f97364abd4871ebb864b2e77eb22dfb028d2be00d', '2026-11-25T20:07:53.766979+00:00', '2026-11-25T20:07:53.766979+00:00', '2999-01-01T00:00:00+00:00', '2999-01-01T00:00:00+00:00', NULL, NULL);
INSERT INTO token_families (issuer_id, id, grant_id, client_id, user_id, user_name, resource, scope, auth_time, created_at, generation, current_hash, parent_hash, rotated_at, last_used_at, idle_expires_at, expires_at, revoked_at, revoked_because) VALUES
    (1, '01a21452-6548-7620-8dda-779a019d8bbd', '01a21452-6539-78cc-bd48-83da68c8706f', 'pc_c_os_yi7_NzoKfBUwCHm41SQ', 'u_01a21452635b772b86610b6e4f4535d1', 'ada', 'https://notes.example.com/mcp', 'notes:read notes:write', '2026-11-25T20:07:53.640668+00:00', '2026-11-25T20:07:53.929227+00:00', 0, X'a21a43b06b182a9489cc715e140e82170cb636afb6102df2a5b350a47c4e4004', NULL, NULL, '2026-11-25T20:07:53.929227+00:00', '2999-01-01T00:00:00+00:00', '2999-01-01T00:00:00+00:00', NULL, NULL);
