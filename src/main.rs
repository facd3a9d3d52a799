//! The `saddlepoint` program.

/// Commit of the source tree, marked where files differ from it; empty outside a repository.
const COMMIT: &str = git_version::git_version!(
    args = [
        "--always",
        "--exclude=*",
        "--abbrev=12",
        "--dirty=-modified"
    ],
    fallback = ""
);

fn main() -> std::process::ExitCode {
    let commit = Some(COMMIT).filter(|text| !text.is_empty());
    std::process::ExitCode::from(saddlepoint::cli::run(commit))
}
