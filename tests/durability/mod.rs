//! Many at once, killed in the middle, over and over: nothing is lost, nothing is
//! given twice.

mod crossings;
mod kill;
mod races;
mod store;
mod upgrade;
