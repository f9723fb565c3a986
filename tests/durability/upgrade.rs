//! Two releases beside each other.

use crate::harness::{Server, Tokens, on_both_stores, until};

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

    // OA-RT-18, as far as there is anything older today: another process, another signing key
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
