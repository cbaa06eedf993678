#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| referral_relay_fuzz::restored(data));
