//! SecBeat's Envoy filter: a thin proxy-wasm adapter around the engine.
