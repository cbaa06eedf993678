//! The binary: parse the command line, run the command, exit with its code.

use std::process::ExitCode;

/// The allocator of the static binary; elsewhere the system's is as good.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    referral_relay::cli::run()
}
