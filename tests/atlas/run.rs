//! Runs the rows of a file, one input after the other, and says which failed.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use super::{
    events,
    notation::Expected,
    row::{Input, Row, Sheet, Wish, sheet},
    send::{self, Outcome},
    stage::Stage,
    stories,
    world::World,
};
use crate::harness::Store;

/// Longer than anything that the command line changes may take to arrive (a second).
const PATIENCE: Duration = Duration::from_secs(5);

/// Every row of a file, on this store. `ATLAS=EA-047` runs one.
pub(super) async fn run(name: &str, store: Store) {
    let sheet = Arc::new(sheet(name));
    let only = std::env::var_os("ATLAS").map(|id| id.into_string().unwrap());
    let mut stages: Vec<(Option<String>, Arc<Mutex<Stage>>)> = Vec::new();
    let mut failed = Vec::new();
    for row in &sheet.row {
        if only.as_ref().is_some_and(|only| *only != row.id) {
            continue;
        }
        if let Some(story) = &row.story {
            let told = tokio::spawn(stories::tell(story.clone(), row.id.clone(), store)).await;
            failed.extend(told.err().map(|error| format!("{}: {}", row.id, what_failed(error))));
            continue;
        }
        let inputs = if row.inputs.is_empty() { &[Input::default()][..] } else { &row.inputs };
        for (number, input) in inputs.iter().enumerate() {
            let server = input.server.as_ref().or(row.server.as_ref()).cloned();
            let wish = server.as_ref().map(|wish| sheet.server.get(wish).unwrap_or_else(|| panic!("there is no server {wish}")));
            let known = stages.iter().find(|(known, _)| *known == server).map(|(_, stage)| Arc::clone(stage));
            let stage = if let Some(stage) = known {
                stage
            } else {
                let stage = Arc::new(Mutex::new(Stage::start(store, wish.unwrap_or(&Wish::default())).await));
                if wish.is_none_or(|wish| !wish.fresh) {
                    stages.push((server.clone(), Arc::clone(&stage)));
                }
                stage
            };
            let (sheet, row, input) = (Arc::clone(&sheet), row.clone(), input.clone());
            let name = format!("{} input {}", row.id, number + 1);
            let ran = tokio::spawn(async move { one(&mut *stage.lock().await, &sheet, &row, &input).await }).await;
            failed.extend(ran.err().map(|error| format!("{name}: {}", what_failed(error))));
        }
    }
    assert!(failed.is_empty(), "{} inputs of {name}.toml failed on {store:?}:\n{}\n", failed.len(), failed.join("\n"));
}

/// The message of a panic, its beginning.
fn what_failed(error: tokio::task::JoinError) -> String {
    let panic = error.into_panic();
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").replace('\n', " ").chars().take(900).collect()
}

/// One input: the steps before, the bad request, the steps after.
async fn one(stage: &mut Stage, sheet: &Sheet, row: &Row, input: &Input) {
    let input = input.over(&row.all);
    let log_before = stage.server.log().len();
    let mut world = World::new(stage, &input).await;
    for before in &input.before {
        step(&mut world, sheet, before, &input).await;
    }
    // Placeholders are filled first, so that nothing else is logged between.
    let answer = input.answer.as_deref().unwrap_or(&row.answer);
    let log_at_request = world.stage.server.log().len();
    let outcome = act(&mut world, sheet, &input, answer).await;
    if sheet.request[input.request.as_deref().unwrap()].at.is_empty() {
        leaves_one_event(&world, sheet, &input, answer, &outcome);
    } else {
        let refusals = events::of_verifier(&world.stage.server.log()[log_at_request..]);
        assert_eq!(refusals.len(), usize::from(answer.starts_with('W')), "{refusals:?}");
    }
    if let Some(most) = input.most_key_fetches {
        assert!(events::key_fetches(&world.stage.server.log()) <= most, "the keys are fetched again and again");
    }
    for after in &input.after {
        step(&mut world, sheet, after, &input).await;
    }
    world.assert_no_packet();
    let log = world.stage.server.log();
    events::assert_well_formed(&log[log_before..]);
    no_secret_in(&log[log_before..], &world.secrets);
}

/// Sends the request and holds the answer against what is expected.
async fn act(world: &mut World<'_>, sheet: &Sheet, input: &Input, answer: &str) -> Outcome {
    let expected = Expected::parse(answer);
    let mut outcome = send::send(world, sheet, input).await;
    if matches!(expected, Expected::Code { .. }) && outcome.left.is_none() {
        let allowed = allow(world, &outcome).await;
        outcome.requests.extend(allowed.requests);
        outcome.answer = allowed.answer;
        outcome.left = allowed.left;
    }
    expected.check(&outcome, &world.stage.server.issuer);
    if let (Expected::Code { .. }, Some(left)) = (&expected, &outcome.left) {
        let code = left.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned()).unwrap();
        world.secrets.push(code.clone());
        world.values.insert("code".to_owned(), code);
    }
    check_members(world, input, &outcome).await;
    outcome
}

/// The person answers the consent page that the request led to.
async fn allow(world: &mut World<'_>, shown: &Outcome) -> Outcome {
    let place =
        crate::harness::Place { url: url::Url::parse(&world.stage.server.url("/")).unwrap(), answer: shown.answer.clone(), left: false };
    let form = place.form("/decision");
    let answer = world.person.submit_only(&form, Some(("decision", "allow"))).await;
    let mut outcome = Outcome::of(&form.action);
    outcome.take(answer);
    send::follow(world, &mut outcome).await;
    outcome
}

async fn check_members(world: &mut World<'_>, input: &Input, outcome: &Outcome) {
    for (name, wanted) in &input.expect {
        let mut wanted = serde_json::to_value(wanted).unwrap();
        if let serde_json::Value::String(text) = &wanted {
            wanted = world.fill(text).await.into();
        }
        assert_eq!(outcome.answer.json()[name], wanted, "{name} in {}", outcome.answer.body);
    }
    for (name, other) in &input.not {
        let mut other = serde_json::to_value(other).unwrap();
        if let serde_json::Value::String(text) = &other {
            other = world.fill(text).await.into();
        }
        assert_ne!(outcome.answer.json()[name], other, "{name} in {}", outcome.answer.body);
    }
    for name in &input.absent {
        let body = outcome.answer.json();
        assert!(body.get(name).is_none(), "{name} in {body}");
    }
    for (name, wanted) in &input.heads {
        let wanted = world.fill(wanted).await;
        assert_eq!(outcome.answer.header(name).unwrap_or_default(), wanted, "{name}");
    }
    for wanted in &input.shows {
        let wanted = world.fill(wanted).await;
        assert!(outcome.answer.body.contains(&wanted), "{wanted} is not in {}", outcome.answer.body);
    }
}

/// A step before or after the bad request.
async fn step(world: &mut World<'_>, sheet: &Sheet, step: &Input, input: &Input) {
    if let Some(offset) = &step.clock {
        world.stage.server.restart_at(Some(offset)).await;
        return;
    }
    if let Some(page) = &step.open {
        return send::open(world, &sheet.request[page]).await;
    }
    if let Some(name) = &step.hold {
        world.fill(&format!("{{{name}}}")).await;
        return;
    }
    if step.again {
        world.values.remove("code");
        return;
    }
    if let Some(what) = &step.end {
        return world.end(what).await;
    }
    if let Some(deed) = &step.operator {
        let (client, person) = (world.client.id.clone(), world.person.name.clone());
        return world.stage.operator(deed, &client, &person).await;
    }
    let mut step = step.clone();
    step.request = step.request.or_else(|| input.request.clone());
    let answer = step.answer.clone().expect("a step names its answer");
    for _ in 0..step.times.unwrap_or(1) {
        if step.until {
            until(world, sheet, &step, &answer).await;
        }
        act(world, sheet, &step, &answer).await;
    }
}

/// Waits for what the operator changed.
async fn until(world: &mut World<'_>, sheet: &Sheet, step: &Input, answer: &str) {
    let wanted = Expected::parse(answer).status().expect("a status to wait for");
    let started = Instant::now();
    while send::send(world, sheet, step).await.answer.status != wanted {
        assert!(started.elapsed() < PATIENCE, "what the operator changed does not arrive");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// OA-LG-01: exactly one error event where something was refused, none where nothing was.
#[track_caller]
fn leaves_one_event(world: &World<'_>, sheet: &Sheet, input: &Input, answer: &str, outcome: &Outcome) {
    let found = events::of(&world.stage.server.log(), &outcome.requests);
    let errors: Vec<_> = found.iter().filter(|event| events::is_error(event)).collect();
    let template = &sheet.request[input.request.as_deref().unwrap()];
    let wanted = input.event.as_deref().unwrap_or(if Expected::parse(answer).is_error() { "" } else { &template.event });
    if Expected::parse(answer).is_error() || events::is_error(wanted) {
        assert_eq!(errors.len(), 1, "error events among {found:?}");
        assert!(wanted.is_empty() || errors[0] == wanted, "{wanted} is not among {found:?}");
    } else {
        assert!(errors.is_empty(), "{found:?}");
        let named = found.iter().filter(|event| *event == wanted).count();
        assert!(wanted.is_empty() || wanted == "none" || named == 1, "{wanted} among {found:?}");
    }
}

/// OA-LG-03.
#[track_caller]
pub(super) fn no_secret_in(log: &str, secrets: &[String]) {
    for secret in secrets.iter().filter(|secret| secret.len() >= 8) {
        if let Some(line) = log.lines().find(|line| line.contains(secret.as_str())) {
            panic!("a secret is in the log: {secret} in {line}");
        }
    }
}
