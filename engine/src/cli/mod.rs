//! The commands. Each parses its arguments, calls the library and says on one line what went wrong.

mod alerts;
mod api;
mod completions;
mod dead_letters;
mod demo;
pub mod generate;
mod out;
mod place;
mod printable;
pub mod produce;
mod properties;
mod rules;
mod run;
mod schema;
mod status;
mod token;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::build_info::version_text;
use crate::telemetry;

/// Judges a Kafka topic by WebAssembly rules, sums windows into MySQL or SQLite, exactly once
#[derive(Debug, Parser)]
#[command(name = "weir", version, long_version = version_text())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the pipeline until SIGTERM or Ctrl-C
    Run(run::RunArgs),
    /// What a running service does: ready or not and why, rules, partitions, services; exit code 0 if all is well
    Status(status::Args),
    /// Check a configuration, without connecting to anything unless told to
    Check(run::CheckArgs),
    /// Print the SQL that makes the tables, for a database where the engine may not make them
    Schema(schema::Args),
    /// The whole pipeline on an in-process cluster and SQLite, two swaps on the way, the truth beside the result
    Demo(demo::Args),
    /// Rules: a new crate, and the admin API from the shell
    Rules(rules::Args),
    /// The dead-letter topic
    DeadLetters(dead_letters::Args),
    /// The topic of flagged records
    Alerts(alerts::Args),
    /// Compile a module read from stdin: the engine calls itself so, with limits
    #[command(hide = true)]
    CompileModule,
    /// Write a seeded CSV with planted dirt and fraud, and the truth about it
    Generate(generate::Args),
    /// Send a CSV, JSON lines or whitespace-separated file to a topic
    Produce(produce::Args),
    /// Tokens of the admin API
    Token(token::Args),
    /// Print what completes the commands in a shell
    Completions(completions::Args),
}

/// Runs the command line: exit code 0, 1 with one line on stderr, or 2 for wrong usage; `status` has its own.
pub fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            telemetry::say(&format!("weir: {}", format!("{error:#}").replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => run::run(&args)?,
        Command::Status(args) => return Ok(status::run(&args)),
        Command::Check(args) => run::check(&args)?,
        Command::Schema(args) => schema::run(&args)?,
        Command::Demo(args) => demo::run(&args)?,
        Command::Rules(args) => rules::run(&args)?,
        Command::DeadLetters(args) => dead_letters::run(&args)?,
        Command::Alerts(args) => alerts::run(&args)?,
        Command::CompileModule => std::process::exit(crate::rules::compile_child()),
        Command::Generate(args) => generate::run(&args)?,
        Command::Produce(args) => produce::run(&args)?,
        Command::Token(args) => token::run(&args)?,
        Command::Completions(args) => completions::run(&args, Cli::command())?,
    }
    Ok(ExitCode::SUCCESS)
}
