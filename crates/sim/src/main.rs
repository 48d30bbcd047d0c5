//! `sim`: in the simulator's build the simulator itself, in a plain build a launcher that builds and becomes it.

#[cfg(madsim)]
mod app;
#[cfg(not(madsim))]
mod launcher;

#[cfg(madsim)]
fn main() -> impl std::process::Termination {
    app::main()
}

#[cfg(not(madsim))]
fn main() {
    launcher::main();
}
