import Exchange
import Outbound
import PlimsollWire

/// Asks one runtime about itself: health, model, numbers. Requests of customers do not come this way.
struct RuntimeClient: Sendable {
    enum Health: Sendable, Equatable {
        case ready
        /// It listens and loads its model.
        case loading
        /// Nobody listens: not started yet, or gone. vLLM opens its port only when the model is loaded.
        case absent
        /// It listens, and does not answer in time: broken, or very busy.
        case silent(String)
        /// It answers, and says that it is broken.
        case failing(String)
    }

    /// What came of asking for one token.
    enum Proof: Sendable, Equatable {
        case token
        /// Refused because of others that are worked on.
        case refused
        case nothing
    }

    let address: RuntimeAddress
    let dialect: RuntimeDialect
    let http: OutboundClient

    func health() async -> Health {
        do throws(OutboundError) {
            let answer = try await get("/health", deadline: .seconds(2))
            if answer.status == 200 { return .ready }
            // llama.cpp says 503 while it loads; vLLM says it when its engine died.
            return answer.status == 503 && dialect == .llamacpp ? .loading : .failing("health answers \(answer.status)")
        } catch {
            if error.isBeforeSending { return .absent }
            let words = "health does not answer (\(error.code))"
            return error.code == .timedOut ? .silent(words) : .failing(words)
        }
    }

    /// Reads what the runtime says about itself; what it does not say stays nil.
    func facts() async -> RuntimeFacts {
        var facts = RuntimeFacts()
        if let models = await body("/v1/models") { facts.read(models: models) }
        switch dialect {
        case .llamacpp:
            if let properties = await body("/props") { facts.read(properties: properties) }
        case .vllm:
            if let version = await body("/version") { facts.read(version: version) }
        }
        return facts
    }

    /// The metrics page in our words; nil when there is none (llama.cpp needs `--metrics`).
    func numbers(version: RuntimeVersion?) async -> RuntimeNumbers? {
        await body("/metrics").map { RuntimeNumbers(page: $0, dialect: dialect, version: version) }
    }

    /// Whether the runtime still makes a token. The only proof of life that a wedged engine cannot give.
    func proof(model: String?, within deadline: Duration) async -> Proof {
        struct Probe: Encodable {
            var model: String?
            var prompt = "1"
            var maxTokens = 1
        }
        guard let body = try? WireCoder.encode(Probe(model: model)) else { return .nothing }
        let request = OutboundRequest(
            method: "POST", url: address.baseURL + "/v1/completions", headers: [OutboundHeader("content-type", "application/json")],
            body: .bytes(body), deadlines: OutboundDeadlines(connect: .seconds(2), total: deadline), unixSocketPath: address.socketPath,
            version: .http1, responseLimit: 1 << 20)
        do throws(OutboundError) {
            switch try await http.send(request).status {
            case 200: return .token
            case 429, 503: return .refused
            default: return .nothing
            }
        } catch {
            return .nothing
        }
    }

    private func body(_ path: String) async -> [UInt8]? {
        do throws(OutboundError) {
            let answer = try await get(path, deadline: .seconds(2))
            return answer.status == 200 ? answer.body : nil
        } catch {
            return nil
        }
    }

    private func get(_ path: String, deadline: Duration) async throws(OutboundError) -> OutboundResponse {
        try await http.send(
            OutboundRequest(
                url: address.baseURL + path, deadlines: OutboundDeadlines(connect: .seconds(1), total: deadline),
                unixSocketPath: address.socketPath, version: .http1, responseLimit: 4 << 20))
    }
}
