//! The binary: parse the command line, run the command, exit with its code.

use std::process::ExitCode;

/// Webhooks are parsed on one thread and dropped on another, which the allocators of glibc and musl
/// pay dearly for: they took a quarter of the time of a webhook.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    referral_relay::cli::run()
}
