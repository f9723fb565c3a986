//! The store itself, the same on both databases: what the stories above can not
//! reach from outside.

use std::{cell::Cell, ops::RangeInclusive};

use chrono::{DateTime, TimeDelta, Utc};
use portcullis::{
    clock::Clock,
    entropy,
    protocol::{
        client::{Client, ClientOrigin},
        code::IssuedCode,
        refresh::{PresentedRefreshToken, RefreshError, RefreshStep, TokenFamily},
        refused::Effect,
        vocabulary::{
            AuthorizationCode, BrowserId, ClientId, FamilyId, GrantId, InitialAccessToken, RequestHandle, SessionId, SigningAlgorithm,
            Token, TokenHash,
        },
    },
    secret::Secret,
    store::{
        ClientLifetimes, Location, NewCode, NewFamily, NewInitialAccessToken, NewKey, NewRequest, NewSession, NewUser, RefreshOutcome,
        Refreshing, Store as Opened, Trimmed, is_away,
    },
};
use portcullis_verifier::vocabulary::{Issuer, Scope};
use tempfile::TempDir;

use crate::harness::{CALLBACK, FILES, Postgres, Store, on_both_stores};

/// An empty database, and where it is.
pub(super) struct Bench {
    _folder: TempDir,
    pub(super) location: Location,
    pub(super) store: Opened,
}

impl Bench {
    pub(super) async fn new(store: Store) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = match store {
            Store::Sqlite => Location::Sqlite(folder.path().join("bench.db")),
            Store::Postgres => Location::Postgres(Secret::new(Postgres::shared().new_database())),
        };
        let store = Self::open(&location, "https://auth.example").await;
        Self { _folder: folder, location, store }
    }

    async fn open(location: &Location, issuer: &str) -> Opened {
        Opened::open(location, &Issuer::parse(issuer).unwrap()).await.unwrap()
    }
}

pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

pub(super) fn client_id() -> ClientId {
    ClientId::generate([7; 16])
}

fn lifetimes() -> ClientLifetimes {
    ClientLifetimes { never_used: TimeDelta::days(1), idle: TimeDelta::days(90) }
}

/// A person who is signed in, a client, and a request that waits.
pub(super) async fn people(store: &Opened) {
    let user = NewUser { id: "u_ada".to_owned(), name: "ada".to_owned(), email: None, password_hash: Secret::new("x".to_owned()) };
    store.add_user(&user, at(0)).await.unwrap().unwrap();
    let mut client = Client::new(client_id(), ClientOrigin::Registered, at(0));
    client.redirect_uris = vec![CALLBACK.parse().unwrap()];
    store.add_client(&client).await.unwrap();
    let session = NewSession {
        hash: Token::<SessionId>::new([1; 32]).hash(),
        id: "s".to_owned(),
        user_id: "u_ada".to_owned(),
        user_agent: String::new(),
        auth_time: at(0),
        expires_at: at(1_000_000),
    };
    store.add_session(&session).await.unwrap();
}

pub(super) async fn request(store: &Opened, handle: u8, most: i64, now: DateTime<Utc>) {
    request_of(store, handle, most, now, true).await;
}

async fn request_of(store: &Opened, handle: u8, most: i64, now: DateTime<Utc>, is_anonymous: bool) {
    let request = NewRequest {
        handle: Token::<RequestHandle>::new([handle; 32]).hash(),
        browser: Token::<BrowserId>::new([2; 32]).hash(),
        client_id: client_id(),
        source: "192.0.2.1".to_owned(),
        is_anonymous,
        request: serde_json::json!({}),
        client: None,
        created_at: now,
        expires_at: now + TimeDelta::minutes(15),
    };
    store.add_request(&request, 1000, most).await.unwrap().unwrap();
}

/// A code that answers the request of this handle.
pub(super) async fn code(store: &Opened, number: u8, now: DateTime<Utc>) -> bool {
    code_for(store, number, "files:read", now).await
}

async fn code_for(store: &Opened, number: u8, scope: &str, now: DateTime<Utc>) -> bool {
    issue(store, number, &new_code(number, scope, now)).await.is_some()
}

async fn issue(store: &Opened, number: u8, new: &NewCode) -> Option<Trimmed> {
    store.issue_code(&Token::<RequestHandle>::new([number; 32]).hash(), new).await.unwrap()
}

fn new_code(number: u8, scope: &str, now: DateTime<Utc>) -> NewCode {
    let code = IssuedCode {
        client_id: client_id(),
        user_id: "u_ada".to_owned(),
        user_name: Some("ada".to_owned()),
        redirect_uri: CALLBACK.to_owned(),
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".parse().unwrap(),
        resource: FILES.to_owned(),
        scope: scope.parse().unwrap(),
        auth_time: at(0),
        expires_at: now + TimeDelta::minutes(1),
        failures: 0,
        stands: true,
        grant_id: GrantId::new(entropy::identifier(now).unwrap()),
        redeemed: None,
    };
    let session = Token::<SessionId>::new([1; 32]).hash();
    NewCode { hash: code_hash(number), newcomer: None, code, session, issued_at: now, most_families: 20, most_grants: 500, remember: None }
}

pub(super) fn code_hash(number: u8) -> TokenHash<AuthorizationCode> {
    Token::<AuthorizationCode>::new([number; 32]).hash()
}

fn new_family(found: &IssuedCode, now: DateTime<Utc>) -> NewFamily {
    NewFamily {
        id: FamilyId::new(entropy::identifier(now).unwrap()),
        user_name: "ada".to_owned(),
        scope: found.scope.clone(),
        refresh_hash: Some([0; 32]),
        idle_expires_at: now + TimeDelta::days(30),
        expires_at: now + TimeDelta::days(180),
    }
}

/// Spends a code that was found, on a family of its own.
pub(super) async fn spend(store: &Opened, number: u8, found: &IssuedCode, now: DateTime<Utc>) -> anyhow::Result<Option<FamilyId>> {
    let family = new_family(found, now);
    let id = family.id;
    Ok(store.redeem_code(&code_hash(number), found, &family, &Clock::stopped_at(now)).await?.then_some(id))
}

/// Finds a code and spends it.
async fn redeem(store: &Opened, number: u8, now: DateTime<Utc>) -> anyhow::Result<Option<FamilyId>> {
    match store.find_code(&code_hash(number)).await? {
        Some(found) => spend(store, number, &found, now).await,
        None => Ok(None),
    }
}

/// A family of the code with this number.
pub(super) async fn family(store: &Opened, number: u8) -> FamilyId {
    request(store, number, 1000, at(0)).await;
    assert!(code(store, number, at(0)).await);
    redeem(store, number, at(1)).await.unwrap().expect("a family")
}

/// The refresh of a family whose tokens have their generation for a hash.
pub(super) fn refreshing(client_id: &ClientId, family_id: FamilyId, generation: u32, now: DateTime<Utc>) -> Refreshing<'_> {
    let hash = |generation: u32| [u8::try_from(generation).unwrap(); 32];
    Refreshing {
        client_id,
        presented: PresentedRefreshToken { family_id, generation, hash: hash(generation) },
        successor_hash: Some(hash(generation + 1)),
        idle_expires_at: now + TimeDelta::days(30),
    }
}

/// The family's generation, and whether its parent is known.
async fn generation(store: &Opened, id: FamilyId) -> (u32, bool) {
    let nobody = ClientId::generate([6; 16]);
    let mut found = None;
    let look = |family: Option<&TokenFamily>| {
        found = family.map(|family| (family.generation, family.parent_hash.is_some()));
        Ok(RefreshOutcome::<()>::Refuse(RefreshError::WrongClient, Effect::Nothing))
    };
    let refused = store.refresh_family(&refreshing(&nobody, id, 0, at(2)), at(2), look).await.unwrap();
    assert_eq!(refused, Err(RefreshError::WrongClient));
    found.expect("a family")
}

/// The requests among these that still wait.
async fn waiting(store: &Opened, handles: RangeInclusive<u8>) -> Vec<u8> {
    let browser = Token::<BrowserId>::new([2; 32]).hash();
    let mut waiting = Vec::new();
    for handle in handles {
        if store.request(&Token::<RequestHandle>::new([handle; 32]).hash(), &browser, at(256)).await.unwrap().is_some() {
            waiting.push(handle);
        }
    }
    waiting
}

on_both_stores! {
    // OA-CD-04, OA-CD-02: what was judged good is spent only if it still is the same, and leaves nothing else
    async fn a_code_that_changed_since_it_was_judged_is_not_spent(store: Store) {
        let bench = Bench::new(store).await;
        let store = &bench.store;
        people(store).await;
        for number in 1..=5 {
            request(store, number, 1000, at(0)).await;
            assert!(code(store, number, at(0)).await);
        }
        let found = async |number| store.find_code(&code_hash(number)).await.unwrap().expect("a code");

        let before = found(1).await;
        store.refuse_code(&code_hash(1), &before, Effect::CountFailure, at(1)).await.unwrap();
        assert_eq!(spend(store, 1, &before, at(1)).await.unwrap(), None, "an exchange has failed");
        assert_eq!(found(1).await.failures, 1);

        let before = found(1).await;
        assert!(spend(store, 1, &before, at(1)).await.unwrap().is_some());
        assert_eq!(spend(store, 1, &before, at(1)).await.unwrap(), None, "another request was first");

        let before = found(2).await;
        store.revoke_grants_of_user("u_ada", "a test", at(2)).await.unwrap();
        assert_eq!(spend(store, 2, &before, at(2)).await.unwrap(), None, "it was withdrawn");

        // withdrawn with the others
        request(store, 6, 1000, at(2)).await;
        assert!(code(store, 6, at(2)).await);
        let before = found(6).await;
        store.end_session(&Token::<SessionId>::new([1; 32]).hash()).await.unwrap();
        assert_eq!(spend(store, 6, &before, at(3)).await.unwrap(), None, "the session has ended");
    }

    // OA-AB-08: the longest unused goes, with all that came of it, and only for a new one
    async fn a_person_gives_so_many_grants_and_the_longest_unused_ends(store: Store) {
        let bench = Bench::new(store).await;
        let store = &bench.store;
        people(store).await;
        let at_resource = |number: u8, path: &str| {
            let mut new = new_code(number, "files:read", at(i64::from(number)));
            new.code.resource = format!("https://mcp.example.com/{path}");
            new.most_grants = 3;
            new.remember = Some((CALLBACK.to_owned(), Scope::parse("files:read").unwrap()));
            new
        };
        let allow = async |number: u8, path: &str| {
            request(store, number, 1000, at(0)).await;
            issue(store, number, &at_resource(number, path)).await.expect("a code").grants
        };
        let standing = async || {
            let mut paths: Vec<_> = store.grants_of("u_ada").await.unwrap().into_iter().map(|grant| grant.resource).collect();
            paths.sort();
            paths.iter().map(|resource| resource.trim_start_matches("https://mcp.example.com/").to_owned()).collect::<String>()
        };
        for (number, path) in [(1, "a"), (2, "b"), (3, "c")] {
            assert_eq!(allow(number, path).await, 0);
        }
        let family = redeem(store, 1, at(4)).await.unwrap().expect("a family");
        let unused = redeem(store, 2, at(4)).await.unwrap().expect("a family");
        let client = client_id();
        let keep = |_: Option<&TokenFamily>| Ok(RefreshOutcome::Issue(RefreshStep::Keep, ()));
        let used = Refreshing { successor_hash: None, presented: PresentedRefreshToken { family_id: family, generation: 0, hash: [0; 32] }, ..refreshing(&client, family, 0, at(5)) };
        store.refresh_family(&used, at(5), keep).await.unwrap().unwrap();
        assert_eq!((allow(6, "c").await, allow(7, "b").await, allow(8, "c").await, standing().await.as_str()), (0, 0, 0, "abc"));
        // b was allowed again at 7 and c at 8; a was refreshed at 5
        let unfinished = store.find_code(&code_hash(8)).await.unwrap().expect("a code");
        assert_eq!((allow(9, "d").await, standing().await.as_str()), (1, "bcd"));
        assert!(!store.family_token_stands(family, "any").await.unwrap(), "its family ends as well");
        assert!(store.remembered_consent("u_ada", &client, "https://mcp.example.com/a").await.unwrap().is_none());
        assert!(store.family_token_stands(unused, "any").await.unwrap());
        assert_eq!((allow(10, "a").await, standing().await.as_str()), (1, "acd"));
        assert_eq!((allow(11, "e").await, standing().await.as_str()), (1, "ade"));
        assert_eq!(spend(store, 8, &unfinished, at(12)).await.unwrap(), None, "a code in flight is withdrawn");
        let told = store.family_story(family).await.unwrap().unwrap();
        assert_eq!(told.grant_revoked.map(|(_, because)| because).as_deref(), Some("too many"));
    }

    // OA-CD-07: whoever looked before it was durable came before it
    async fn a_code_is_redeemed_when_that_is_durable(store: Store) {
        let bench = Bench::new(store).await;
        let store = &bench.store;
        people(store).await;
        let clock = Clock::stopped_at(at(1));
        for number in 1..=20 {
            request(store, number, 1000, at(0)).await;
            assert!(code(store, number, at(0)).await);
            let hash = code_hash(number);
            let found = store.find_code(&hash).await.unwrap().expect("a code");
            let family = new_family(&found, at(1));
            let is_answered = Cell::new(false);
            let redeeming = async {
                assert!(store.redeem_code(&hash, &found, &family, &clock).await.unwrap());
                is_answered.set(true);
            };
            let looking = async {
                let mut came = Vec::new();
                while !is_answered.get() {
                    let arrived_at = clock.now();
                    clock.advance(TimeDelta::milliseconds(1));
                    let redeemed = store.find_code(&hash).await.unwrap().expect("a code").redeemed;
                    assert!(redeemed.is_none_or(|redemption| arrived_at < redemption.at), "nobody was answered yet");
                    came.push(arrived_at);
                }
                came
            };
            let ((), came) = tokio::join!(redeeming, looking);
            let redemption = store.find_code(&hash).await.unwrap().expect("a code").redeemed.expect("it was redeemed");
            assert!(came.iter().all(|arrived_at| *arrived_at < redemption.at), "{came:?}");
            assert!(redemption.at <= clock.now(), "whoever comes now replays it");
        }
    }

    // OA-CD-02: a person who is gone takes their codes along
    async fn a_code_of_somebody_disabled_since_is_not_spent(store: Store) {
        let bench = Bench::new(store).await;
        people(&bench.store).await;
        request(&bench.store, 1, 1000, at(0)).await;
        assert!(code(&bench.store, 1, at(0)).await);
        let before = bench.store.find_code(&code_hash(1)).await.unwrap().expect("a code");
        assert!(bench.store.set_user_disabled("u_ada", Some(at(1))).await.unwrap());
        assert_eq!(spend(&bench.store, 1, &before, at(1)).await.unwrap(), None);
    }

    // Issue 2, item 9: what is allowed by and by is one grant, which loses nothing
    async fn codes_of_one_person_and_client_join_one_grant(store: Store) {
        let bench = Bench::new(store).await;
        let store = &bench.store;
        people(store).await;
        let mut families = Vec::new();
        for (number, scope) in [(1, "files:read"), (2, "files:write"), (3, "files:read files:delete")] {
            request(store, number, 1000, at(0)).await;
            assert!(code_for(store, number, scope, at(0)).await);
            families.extend(redeem(store, number, at(1)).await.unwrap());
        }
        let grants = store.grants().await.unwrap();
        assert_eq!((grants.len(), families.len()), (1, 3));
        let grant = grants.first().unwrap();
        assert_eq!(grant.scope, "files:read files:write files:delete".parse().unwrap());
        assert!(store.revoke_grant(grant.id, None, "a test", at(2)).await.unwrap());
        for family in families {
            assert!(!store.family_token_stands(family, "any").await.unwrap());
        }
    }

    // OA-TK-14, OA-CD-08: when signing fails nothing is spent
    async fn a_failure_on_our_side_spends_no_code_and_rotates_no_token(store: Store) {
        let bench = Bench::new(store).await;
        people(&bench.store).await;
        request(&bench.store, 1, 1000, at(0)).await;
        assert!(code(&bench.store, 1, at(0)).await);
        // it is signed between the two
        assert!(bench.store.find_code(&code_hash(1)).await.unwrap().is_some_and(|found| found.redeemed.is_none()));
        let id = redeem(&bench.store, 1, at(1)).await.unwrap().expect("still good");
        assert_eq!(redeem(&bench.store, 1, at(1)).await.unwrap(), None);

        let client = client_id();
        let first = refreshing(&client, id, 0, at(2));
        let failed = bench.store.refresh_family::<()>(&first, at(2), |_| anyhow::bail!("the key is locked")).await;
        assert!(failed.is_err_and(|error| !is_away(&error)));
        assert_eq!(generation(&bench.store, id).await, (0, false));
        let rotated = bench.store.refresh_family(&first, at(2), |family| {
            assert_eq!((family.unwrap().generation, family.unwrap().current_hash), (0, Some([0; 32])));
            Ok(RefreshOutcome::Issue(RefreshStep::Rotate, ()))
        });
        rotated.await.unwrap().unwrap();
        assert_eq!(generation(&bench.store, id).await, (1, true));
    }

    // OA-RT-02, OA-RT-09, OA-RT-13: what the row forbids is judged with the row as it is, and
    // what the rules forbid besides is undone
    async fn only_the_current_token_is_used(store: Store) {
        let bench = Bench::new(store).await;
        people(&bench.store).await;
        let id = family(&bench.store, 1).await;
        let (client, stranger) = (client_id(), ClientId::generate([6; 16]));
        let late = at(2) + TimeDelta::days(30);
        let forbidden = [
            ("another client", Refreshing { client_id: &stranger, ..refreshing(&client, id, 0, at(2)) }, at(2)),
            ("another generation", refreshing(&client, id, 1, at(2)), at(2)),
            ("another token", Refreshing { presented: PresentedRefreshToken { family_id: id, generation: 0, hash: [9; 32] }, ..refreshing(&client, id, 0, at(2)) }, at(2)),
            ("too late", refreshing(&client, id, 0, late), late),
        ];
        for (what, refreshing, now) in forbidden {
            let mut seen = None;
            let used = bench.store.refresh_family(&refreshing, now, |family| {
                seen = family.map(|family| (family.generation, family.idle_expires_at));
                Ok(RefreshOutcome::Issue(RefreshStep::Rotate, ()))
            });
            assert!(used.await.is_err(), "{what}");
            assert_eq!(seen, Some((0, at(1) + TimeDelta::days(30))), "{what}");
            assert_eq!(generation(&bench.store, id).await, (0, false), "{what}");
        }
        let refuse = |_: Option<&TokenFamily>| Ok(RefreshOutcome::<()>::Refuse(RefreshError::ResourceGone, Effect::Nothing));
        let refused = bench.store.refresh_family(&refreshing(&client, id, 0, at(2)), at(2), refuse).await.unwrap();
        assert_eq!(refused, Err(RefreshError::ResourceGone));
        assert_eq!(generation(&bench.store, id).await, (0, false));
        assert!(bench.store.family_story(id).await.unwrap().unwrap().rotated_at.is_none());
        // and nothing that is ended
        bench.store.revoke_family(id, "a test", at(2)).await.unwrap();
        let stands = |family: Option<&TokenFamily>| {
            assert!(!family.unwrap().stands);
            Ok(RefreshOutcome::<()>::Refuse(RefreshError::Withdrawn, Effect::Nothing))
        };
        bench.store.refresh_family(&refreshing(&client, id, 0, at(2)), at(2), stands).await.unwrap().unwrap_err();
    }

    // OA-RT-10: use moves the idle end, nothing moves the absolute one
    async fn a_used_family_lives_on_to_its_end(store: Store) {
        let bench = Bench::new(store).await;
        people(&bench.store).await;
        let id = family(&bench.store, 1).await;
        let client = client_id();
        let end = at(1) + TimeDelta::days(180);
        let keep = |_: Option<&TokenFamily>| Ok(RefreshOutcome::Issue(RefreshStep::Keep, ()));
        let rotate = |_: Option<&TokenFamily>| Ok(RefreshOutcome::Issue(RefreshStep::Rotate, ()));
        let idle_end = async || bench.store.family_story(id).await.unwrap().unwrap().idle_expires_at;
        let kept = |now| Refreshing { successor_hash: None, ..refreshing(&client, id, 0, now) };
        for days in [20, 40, 60, 80, 100, 120, 140] {
            let now = at(days * 86_400);
            bench.store.refresh_family(&kept(now), now, keep).await.unwrap().unwrap();
            assert_eq!(idle_end().await, now + TimeDelta::days(30));
        }
        let now = at(160 * 86_400);
        bench.store.refresh_family(&kept(now), now, keep).await.unwrap().unwrap();
        assert_eq!(idle_end().await, end);
        bench.store.refresh_family(&refreshing(&client, id, 0, now), now, rotate).await.unwrap().unwrap();
        let story = bench.store.family_story(id).await.unwrap().unwrap();
        assert_eq!((story.idle_expires_at, story.expires_at, story.rotated_at), (end, end, Some(now)));
    }

    // OA-AZ-27, OA-CD-04: the conditional write is the only arbiter
    async fn a_request_is_answered_once(store: Store) {
        let bench = Bench::new(store).await;
        people(&bench.store).await;
        request(&bench.store, 1, 1000, at(0)).await;
        let handle = Token::<RequestHandle>::new([1; 32]).hash();
        let (yes, no) = (serde_json::json!({ "allowed": 1 }), serde_json::json!({ "allowed": 2 }));
        let (first, second) = tokio::join!(bench.store.decide_request(&handle, &yes), bench.store.decide_request(&handle, &no));
        assert!(first.unwrap() ^ second.unwrap(), "one decision counts");
        assert!(code(&bench.store, 1, at(0)).await);
        assert!(!code(&bench.store, 1, at(0)).await && !bench.store.refuse_request(&handle, at(0)).await.unwrap());
    }

    // OA-DB-02: a caller that goes away in the middle of its step
    async fn a_cancelled_step_never_happened(store: Store) {
        let bench = Bench::new(store).await;
        people(&bench.store).await;
        let id = family(&bench.store, 1).await;
        let (client, mut known) = (client_id(), 0);
        for polls in 0..40 {
            let refreshing = refreshing(&client, id, known, at(2));
            let rotate = |_: Option<&TokenFamily>| Ok(RefreshOutcome::Issue(RefreshStep::Rotate, ()));
            let mut refresh = Box::pin(bench.store.refresh_family(&refreshing, at(2), rotate));
            for _ in 0..polls {
                let done = std::future::poll_fn(|context| std::task::Poll::Ready(refresh.as_mut().poll(context).is_ready())).await;
                if done {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(refresh);
            // whether it happened or not: what is there is whole, and the next step goes on from it
            let (now, has_parent) = generation(&bench.store, id).await;
            assert!(now == known || now == known + 1, "from {known} to {now}");
            assert_eq!(now > 0, has_parent);
            known = now;
        }
    }

    // OA-DB-07, OA-MX-18
    async fn two_issuers_in_one_database_know_nothing_of_each_other(store: Store) {
        let bench = Bench::new(store).await;
        let other = Bench::open(&bench.location, "https://other.example").await;
        people(&bench.store).await;
        let id = family(&bench.store, 1).await;
        assert!(other.client(&client_id()).await.unwrap().is_none() && other.user_by_login("ada").await.unwrap().is_none());
        assert!(other.session(&Token::<SessionId>::new([1; 32]).hash(), TimeDelta::days(1), at(1)).await.unwrap().is_none());
        assert!(other.family_story(id).await.unwrap().is_none() && other.grants().await.unwrap().is_empty());
        assert!(other.find_code(&code_hash(1)).await.unwrap().is_none());
        other.revoke_family(id, "by the neighbour", at(2)).await.unwrap();
        assert!(bench.store.family_token_stands(id, "any").await.unwrap());
        // the same names may exist twice
        people(&other).await;
        assert_ne!(family(&other, 1).await, id);
    }

    // OA-AB-03: the oldest that nobody signed in for
    async fn the_waiting_room_is_bounded(store: Store) {
        let bench = Bench::new(store).await;
        people(&bench.store).await;
        request(&bench.store, 0, 5, at(0)).await;
        let known = Token::<RequestHandle>::new([0; 32]).hash();
        bench.store.note_sign_in(&known, Some(at(0))).await.unwrap();
        for number in 1..=20 {
            request(&bench.store, number, 5, at(i64::from(number))).await;
        }
        let left = waiting(&bench.store, 0..=20).await;
        assert!(left.contains(&0) && left.contains(&20) && !left.contains(&10) && left.len() <= 6, "{left:?}");
    }

    // OA-AB-03: whoever had a session when they came is not anonymous; nor is the room theirs without end
    async fn those_who_are_signed_in_make_room_last(store: Store) {
        let bench = Bench::new(store).await;
        people(&bench.store).await;
        for number in 0..=2 {
            request_of(&bench.store, number, 5, at(i64::from(number)), false).await;
        }
        for number in 3..=20 {
            request(&bench.store, number, 5, at(i64::from(number))).await;
        }
        let left = waiting(&bench.store, 0..=20).await;
        assert_eq!(left, [0, 1, 2, 19, 20], "the oldest strangers went");
        // somebody else's now: nobody has signed in for it
        bench.store.note_sign_in(&Token::<RequestHandle>::new([1; 32]).hash(), None).await.unwrap();
        for number in 21..=24 {
            request_of(&bench.store, number, 5, at(i64::from(number)), false).await;
        }
        assert_eq!(waiting(&bench.store, 0..=24).await, [2, 21, 22, 23, 24], "no stranger is left, so the oldest");
    }

    // OA-AB-03: where room is made for several at once, too
    async fn a_larger_waiting_room_is_bounded_as_well(store: Store) {
        const MOST: i64 = 200;
        let bench = Bench::new(store).await;
        people(&bench.store).await;
        for number in 0..=255 {
            request(&bench.store, number, MOST, at(i64::from(number))).await;
        }
        let left = waiting(&bench.store, 0..=255).await;
        assert!((195..=200).contains(&left.len()) && !left.contains(&50) && left.contains(&60), "{left:?}");
    }

    // OA-DB-06, OA-CD-09: what goes could only have been refused
    async fn pruning_takes_what_is_over_in_small_batches_and_changes_no_answer(store: Store) {
        let bench = Bench::new(store).await;
        people(&bench.store).await;
        let id = family(&bench.store, 1).await;
        for number in 0..=3 {
            for tenth in 0..=255 {
                let name = Token::<RequestHandle>::new(std::array::from_fn(|index| if index == 0 { number + 100 } else { tenth })).hash();
                let browser = Token::<BrowserId>::new([2; 32]).hash();
                let request = NewRequest {
                    handle: name, browser, client_id: client_id(), source: "s".to_owned(), request: serde_json::json!({}),
                    client: None,
                    is_anonymous: true,
                    created_at: at(0), expires_at: at(900),
                };
                bench.store.add_request(&request, 10_000, 10_000).await.unwrap().unwrap();
            }
        }
        let first = bench.store.prune(lifetimes(), at(901)).await.unwrap().rows;
        assert!((1..=600).contains(&first), "{first} rows in one round");
        let mut rounds = 1;
        while bench.store.prune(lifetimes(), at(901)).await.unwrap().rows > 0 {
            rounds += 1;
        }
        assert!((2..10).contains(&rounds), "{rounds}");
        // the redeemed code is long over, and its replay is still noticed, as long as the family could live
        let day = 24 * 3600;
        while bench.store.prune(lifetimes(), at(29 * day)).await.unwrap().rows > 0 {}
        let redeemed = bench.store.find_code(&code_hash(1)).await.unwrap().and_then(|found| found.redeemed);
        assert!(redeemed.is_some_and(|redemption| redemption.family_id == id));
        assert!(bench.store.family_token_stands(id, "any").await.unwrap());
        while bench.store.prune(lifetimes(), at(32 * day)).await.unwrap().rows > 0 {}
        assert!(bench.store.family_story(id).await.unwrap().is_none(), "idle for a month, and a day more");
        assert!(bench.store.find_code(&code_hash(1)).await.unwrap().is_none());
        assert!(bench.store.client(&client_id()).await.unwrap().is_some());
    }

    // OA-DR-18, MCP-AS-139, and what other processes hear of it
    async fn a_client_is_kept_as_long_as_its_tokens_are_renewed(store: Store) {
        let bench = Bench::new(store).await;
        people(&bench.store).await;
        let mut unused = Client::new(ClientId::generate([8; 16]), ClientOrigin::Registered, at(0));
        unused.redirect_uris = vec![CALLBACK.parse().unwrap()];
        bench.store.add_client(&unused).await.unwrap();
        let mut own = Client::new(ClientId::generate([9; 16]), ClientOrigin::Operator, at(0));
        own.redirect_uris = vec![CALLBACK.parse().unwrap()];
        bench.store.add_client(&own).await.unwrap();
        let id = family(&bench.store, 1).await;
        let day = 24 * 3600;
        let known = bench.store.catalogue_version().await.unwrap();
        while bench.store.prune(lifetimes(), at(day + 1)).await.unwrap().rows > 0 {}
        assert!(bench.store.client(&unused.id).await.unwrap().is_none());
        assert_ne!(bench.store.catalogue_version().await.unwrap(), known, "every process hears that a client is gone");
        let client = client_id();
        for days in [25, 50, 75, 100] {
            let now = at(days * day);
            let kept = Refreshing { successor_hash: None, ..refreshing(&client, id, 0, now) };
            let keep = |_: Option<&TokenFamily>| Ok(RefreshOutcome::Issue(RefreshStep::Keep, ()));
            bench.store.refresh_family(&kept, now, keep).await.unwrap().unwrap();
            while bench.store.prune(lifetimes(), now).await.unwrap().rows > 0 {}
            assert!(bench.store.client(&client_id()).await.unwrap().is_some(), "after {days} days");
        }
        while bench.store.prune(lifetimes(), at(191 * day)).await.unwrap().rows > 0 {}
        assert!(bench.store.client(&client_id()).await.unwrap().is_none());
        assert!(bench.store.client(&own.id).await.unwrap().is_some(), "the operator's stay");
    }

    // OA-DB-06: to be gone is the same refusal
    async fn a_registration_token_that_is_used_up_goes_though_it_never_expires(store: Store) {
        let bench = Bench::new(store).await;
        for (number, uses) in [(1, Some(1)), (2, Some(2)), (3, None)] {
            let hash = Token::<InitialAccessToken>::new([number; 32]).hash();
            let token = NewInitialAccessToken { hash, id: number.to_string(), name: String::new(), expires_at: None, uses };
            bench.store.add_initial_access_token(&token, at(0)).await.unwrap();
            let client = Client::new(format!("client-{number}").parse().unwrap(), ClientOrigin::Registered, at(1));
            assert!(bench.store.add_client_with(&token.hash, &client, at(1)).await.unwrap());
        }
        let day = 24 * 3600;
        for (days, left) in [(29, 3), (30, 2)] {
            while bench.store.prune(lifetimes(), at(days * day)).await.unwrap().rows > 0 {}
            assert_eq!(bench.store.initial_access_tokens().await.unwrap().len(), left, "after {days} days");
        }
    }

    // OA-DB-10: as often as one likes, at the same time too
    async fn several_processes_may_open_a_new_database_at_once(store: Store) {
        let bench = tempfile::tempdir().unwrap();
        let location = match store {
            Store::Sqlite => Location::Sqlite(bench.path().join("bench.db")),
            Store::Postgres => Location::Postgres(Secret::new(Postgres::shared().new_database())),
        };
        let opening: Vec<_> = (0..4).map(|_| {
            let location = location.clone();
            // a thread that may wait for the others, as another process may
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async { Bench::open(&location, "https://auth.example").await.close().await });
            })
        }).collect();
        for thread in opening {
            thread.join().unwrap();
        }
        let other = Issuer::parse("https://other.example").unwrap();
        let known = Opened::open_known(&location, &other).await.unwrap().expect_err("it is not in there");
        assert_eq!(known.0, ["https://auth.example"], "one issuer, not four");
    }

    // OA-JW-04: of those who make the same key at once one has made it
    async fn the_place_of_a_signing_key_is_taken_once(store: Store) {
        let bench = Bench::new(store).await;
        let key = |kid: &str| NewKey {
            kid: kid.to_owned(),
            algorithm: SigningAlgorithm::default(),
            public_jwk: serde_json::Map::new(),
            sealed_private: Vec::new(),
        };
        let mut added = Vec::new();
        for (kid, activated_at) in [("a", Some(at(0))), ("b", Some(at(1))), ("c", None), ("d", None)] {
            added.push(bench.store.add_signing_key(&key(kid), activated_at, at(1)).await.unwrap());
        }
        assert_eq!(added, [true, false, true, false]);
    }

    // OA-DB-08: input is data
    async fn no_input_is_read_as_sql(store: Store) {
        let bench = Bench::new(store).await;
        people(&bench.store).await;
        let id = family(&bench.store, 1).await;
        for evil in ["'; DROP TABLE users; --", "\" OR 1=1 --", "ada' OR 'a'='a", "%", "_", "\\"] {
            assert!(bench.store.user_by_login(evil).await.unwrap().is_none(), "{evil}");
            assert!(bench.store.grants_of(evil).await.unwrap().is_empty());
            assert!(!bench.store.access_token_is_revoked(evil).await.unwrap());
            assert!(!bench.store.end_session_by_id("u_ada", evil).await.unwrap());
            bench.store.revoke_family(id, evil, at(2)).await.unwrap();
        }
        assert!(bench.store.user_by_login("ADA").await.unwrap().is_some());
        assert_eq!(bench.store.granted_scope("u_ada", &client_id(), FILES).await.unwrap(), Scope::parse("files:read").unwrap());
    }
}
