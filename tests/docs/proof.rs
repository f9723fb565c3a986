//! Every proof that the page of proofs names is there.

use super::{first_connection::spans, root, text};

#[test]
fn every_promise_has_a_proof_that_exists() {
    let mut missing = Vec::new();
    let mut promises = 0;
    let page = text(&root().join("docs/proof.md"));
    for row in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise") && !line.starts_with("| ---")) {
        let proof = row.rsplit('|').nth(1).unwrap();
        promises += 1;
        let named = spans(proof);
        if named.is_empty() && !proof.contains("](") {
            missing.push(format!("no proof: {row}"));
        }
        for name in named {
            let (file, test) = name.split_once("::").map_or((name, None), |(file, test)| (file, Some(test)));
            let file = root().join(file);
            let is_there = file.is_file() && test.is_none_or(|test| text(&file).contains(&format!("fn {test}(")));
            if !is_there {
                missing.push(format!("no {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(promises > 50, "only {promises} promises found");
}
