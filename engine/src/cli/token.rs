//! `weir token new`: a token for `[admin.people]` or `[admin.tokens]`.

use rand::distr::{Alphanumeric, SampleString};

use super::out;

/// Letters and digits, which need no escape in a URL, a shell, TOML or an option; 5.95 random bits each, 190 of all.
const LENGTH: usize = 32;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print a new random token, for a person of `[admin.people]`, `admin.tokens.viewer` or `.publisher`
    New,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    match args.command {
        // The thread's generator is a cipher (ChaCha12) that the system's randomness seeds.
        Command::New => out::line(Alphanumeric.sample_string(&mut rand::rng(), LENGTH)),
    }
    Ok(())
}
