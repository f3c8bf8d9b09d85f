import HTTPWire

/// Which runtime stands behind each agent.
struct DevRuntime: Sendable {
    enum Kind: String, Sendable {
        case llamacpp
        case simulated
    }

    let kind: Kind
    /// Real runtime: the Python that has `xllamacpp`, the worker script, and the weights.
    var python = ""
    var worker = ""
    var weights = "smollm2"

    /// Name that customers use.
    var model: String { kind == .simulated ? "simulated" : "smollm2-135m" }
    var release: String { kind == .simulated ? "simulated-1" : "smollm2-135m-q4" }
    var dialect: String { kind == .simulated ? "vllm" : "llamacpp" }
    /// Requests at once, of each.
    var slots: Int { kind == .simulated ? 64 : 2 }
    var contextTokens: Int { kind == .simulated ? 32_768 : 2048 }

    init(_ kind: Kind, environment: [String: String], python: String?, worker: String?) throws(CommandFailure) {
        self.kind = kind
        guard kind == .llamacpp else { return }
        guard let python = python ?? environment["PLIMSOLL_LLAMA_PYTHON"], let worker = worker ?? environment["PLIMSOLL_LLAMA_WORKER"] else {
            throw CommandFailure(
                .usage, "the real runtime needs --python and --worker (Deploy/demo gives them), or take --runtime simulated")
        }
        self.python = python
        self.worker = worker
        if let model = environment["PLIMSOLL_LLAMA_MODEL"] { weights = model }
    }

    func command(_ layout: DevLayout, _ provider: String) -> [String] {
        let socket = layout.runtimeSocket(provider)
        switch kind {
        case .simulated:
            return [layout.program("plimsoll-simulated-runtime"), "--dialect", dialect, "--socket", socket, "--model", model, "--slots", "\(slots)"]
        case .llamacpp:
            return [
                python, worker, "--socket", socket, "--model", weights, "--alias", model, "--threads", "1", "--parallel", "\(slots)", "--ctx", "4096",
            ]
        }
    }
}
