//! The `saddlepoint` program.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(saddlepoint::cli::run())
}
