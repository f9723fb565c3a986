//! Two releases beside each other.

use crate::harness::{CALLBACK, Client, Server, Setup, Tokens, on_both_stores, until};

/// What clients and operators got from the first release. Like its rows these never change.
const MASTER_KEY: &str = "ZiBsNybkF3uhNKVZb6EPJMTmm8FfqQyU5B+0GzPFaUo=";
const PUBLIC: &str = "pc_c_BZ1tXD_gf-az4V2k9afebA";
const CONFIDENTIAL: (&str, &str) = ("pc_c_os_yi7_NzoKfBUwCHm41SQ", "pc_secret_ibVpiBlwpXZi4cQe-xV1T4u4dcGcJTfMwN2CmGJWOxkBIW4sO");
const UNUSED: &str = "pc_refresh_AQGiFFJkkn5eqpWmfI6uZ3IAAAAAn1jvNlwwB4tOZFedhym-G42N3TO1URYEqSLIL0avEp9npudOaQ1fGXKyl7WQ4kAfCJuyFc";
const ROTATED: &str = "pc_refresh_AQGiFFJko3FDgQEoFu0-a2MAAAAAu4E71qUlrpa3xUbHOtlX-alB_BWf1zjbG9lgrobtQ9TBmvus7nywKBRNokwZ5xtss_L3dZ";
const ITS_SUCCESSOR: &str = "pc_refresh_AQGiFFJko3FDgQEoFu0-a2MAAAAB-JvH0HqxW6z4S79pa-RtJaZwChCv-yTRTeYyKsYBpjm34JRwXwJKDw26LFcNNae0IpKtcs";
const CONFIDENTIALS: &str = "pc_refresh_AQGiFFJlSHYgjdp3mgGdi70AAAAAjsULG7g9wVbTYf_-LmtnVlZHWtNAYT4fJCW0T5CW0QUN1Exj7RXP6TFt8aaSrFJMoRz_GE";
const SIGNING_KEY: &str = "ZL7ZtszXRw5rEOlW9r9famcj8oFMG9uhGkTXFtBsKQc";
const STANDBY_KEY: &str = "1p5MakhyhfNJ7Wzy7SgzbaWC7B-XCJYXE9ymEXiVXPs";

on_both_stores! {
    // OA-DB-10: the next release has brought the schema further, and this one still runs, starts and takes commands
    async fn a_program_works_beside_the_schema_of_the_next_release(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let tokens = client.connect(&mut server.person("ada")).await;
        server
            .tamper(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 SELECT 9999, 'of the next release', success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
            )
            .await;
        let listed = server.cli(&["user", "list"]).expect().stdout;
        assert!(listed.contains("ada"), "{listed}");
        server.kill_and_restart().await;
        Tokens::of(&client.refresh(tokens.refresh()).await);
    }

    // OA-RT-18: the rows in first-release.sql are never written anew. A release that can't read them, and the tokens and the
    // master key above, ends everybody's sessions.
    async fn what_the_first_release_gave_out_is_good_for_ever(store: Store) {
        let server = Setup::on(store).env("PORTCULLIS_MASTER_KEY", MASTER_KEY).start_on(13, include_str!("first-release.sql")).await;
        let public = Client::known(&server, PUBLIC, None, CALLBACK);
        let tokens = Tokens::of(&public.refresh(UNUSED).await);
        let claims = tokens.claims();
        assert_eq!((&claims["sub"], &claims["grant_id"]), (&"u_01a21452635b772b86610b6e4f4535d1".into(), &"01a21452-648a-77e5-94ca-4d3ef6699638".into()));
        assert_eq!((tokens.scope.as_str(), &tokens.header()["kid"]), ("files:read files:write", &SIGNING_KEY.into()));
        Tokens::of(&public.refresh(tokens.refresh()).await);

        server.cli(&["key", "rotate", "--yes"]).expect();
        let confidential = Client::known(&server, CONFIDENTIAL.0, Some(CONFIDENTIAL.1), CALLBACK);
        let mut tokens = Tokens::of(&confidential.refresh(CONFIDENTIALS).await);
        assert_eq!((tokens.scope.as_str(), tokens.expires_in), ("notes:read notes:write", 600));
        until("the standby key to sign", async || {
            tokens = Tokens::of(&confidential.refresh(tokens.refresh()).await);
            tokens.header()["kid"] == STANDBY_KEY
        }).await;

        // what was rotated then is still known, and so is a thief
        let after = Tokens::of(&public.refresh(ITS_SUCCESSOR).await);
        public.refresh(ROTATED).await.expect_error(400, "invalid_grant");
        public.refresh(after.refresh()).await.expect_error(400, "invalid_grant");
        server.person("ada").sign_in_at_home().await;
    }

    // OA-RT-18: another process, another signing key
    async fn a_refresh_token_outlives_the_process_and_the_key(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let before = client.connect(&mut server.person("ada")).await;
        server.cli(&["key", "rotate", "--yes"]).expect();
        server.kill_and_restart().await;
        let after = Tokens::of(&client.refresh(before.refresh()).await);
        assert_ne!(after.header()["kid"], before.header()["kid"]);
        server.cli(&["key", "rotate", "--yes"]).expect();
        until("the third key to sign", async || Tokens::of(&client.refresh(after.refresh()).await).header()["kid"] != after.header()["kid"]).await;
    }
}
