//! `weir completions`: the script that a shell completes the commands and their options by.

use clap_complete::Shell;

use super::out;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(Args { shell }: &Args, mut command: clap::Command) -> anyhow::Result<()> {
    // Made as a whole first: the crate panics where it cannot write, and a reader may have gone.
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut command, "weir", &mut script);
    out::line(String::from_utf8(script)?.trim_end());
    Ok(())
}
