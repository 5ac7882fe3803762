//! What people see: the help of every verb, tables, sentences; and whole calls over a socket with a daemon of a few
//! lines behind it.

mod accounts;
mod audit;
mod calls;
mod help;
mod looks;
mod watching;
