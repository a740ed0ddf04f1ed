//! The HTTP side as clients meet it: a real listener, real requests, fake services.

mod bodies;
mod docs;
mod errors;
mod fakes;
mod house;
mod keys;
mod listener;
mod probes;
mod resources;
mod table;
