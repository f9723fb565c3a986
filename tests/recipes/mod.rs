//! What `portcullis resource export` prints, run as it is printed, with the real
//! packages: our tokens open it, others do not, and a client finds its way.

mod proxy;
mod python;
mod rust;
mod stage;
mod typescript;
