//! Links between pages lead to a file, and to a heading in it.

use std::path::Path;

use super::{pages, root, text};

/// What stands between `](` and `)`, outside of blocks of code.
fn links(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        }
        if !in_block {
            found.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned));
        }
    }
    found
}

/// The anchors that GitHub gives to the headings of a page.
fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim().to_lowercase());
    headings
        .map(|heading| {
            heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).collect::<String>().replace(' ', "-")
        })
        .collect()
}

fn check(page: &Path, link: &str) -> Result<(), String> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() { page.to_path_buf() } else { page.parent().unwrap().join(path) };
    if !target.exists() {
        return Err("there is no such file".to_owned());
    }
    match anchor {
        Some(anchor) if !anchors(&text(&target)).iter().any(|known| known == anchor) => Err("there is no such heading".to_owned()),
        Some(_) | None => Ok(()),
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        for link in links(&text(&page)).iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            if let Err(reason) = check(&page, link) {
                wrong.push(format!("{}: {link}: {reason}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_heading_has_the_anchor_that_github_gives_it() {
    assert_eq!(anchors("# What is new?\n## `serve`, and its flags\n"), ["what-is-new", "serve-and-its-flags"]);
}
