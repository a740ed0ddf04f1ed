//! What chat-room clients say: any bytes are one of their requests or frames, or none, and mean the same when written again.
#![no_main]

use anser_gateway::fuzzing::chatroom_said;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for message in chatroom_said(data) {
        assert!(chatroom_said(&message).contains(&message));
    }
});
