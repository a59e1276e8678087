//! Tests of the simulator: its checks bite, its runs repeat, its errors help, its files fit.

mod checks_bite;
mod cli;
mod conformance;
mod determinism;
mod flow;
mod gallery;
mod glossary;
mod hunt;
mod links;
mod no_holes;
mod papers;
mod quorum;
mod ready_files;
mod report;
mod scenario_errors;
mod scenarios;
mod support;
mod sweep;
mod tidy;
