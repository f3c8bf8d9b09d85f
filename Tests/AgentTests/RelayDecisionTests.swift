import Cryptography
import Exchange
import FoundationEssentials
import Link
import PlimsollWire
import Testing

@testable import Agent

@Suite("What the relay lets through")
struct RelayDecisionTests {
    private let runtime = RuntimeStatus(
        configuration: RuntimeConfiguration(name: "r", release: "x", dialect: .vllm, address: .unix(path: "/nonexistent")))
    private let host: HostStatus
    private let relay: AgentRelay

    init() {
        host = HostStatus(runtimes: [runtime])
        relay = AgentRelay(status: host)
        runtime.publish(state: .ready)
        host.apply(
            DesiredState(
                generation: 1, state: .serve, gateways: [],
                workers: [
                    AssignedWorker(id: "w", runtime: "r", release: "x"),
                    AssignedWorker(id: "refused", runtime: "r", release: "x", refusal: "too small"),
                ]))
    }

    private func refusal(_ method: String, _ path: String, worker: String? = "w", requestId: String? = "id-1") -> RelayRefusal? {
        let request = LinkRequest(
            method: method, path: path, contentType: "application/json", worker: worker, requestId: requestId,
            gateway: PeerIdentity(role: .gateway, id: UUID()), hasBody: true)
        if case .refuse(let reason) = relay.decide(request) { return reason }
        return nil
    }

    @Test("the listed paths pass, by POST alone", arguments: LinkPath.relayed)
    func passesListed(path: String) {
        #expect(refusal("POST", path) == nil)
        #expect(host.openRequests == 1)
        for method in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "post"] { #expect(refusal(method, path) == .pathNotAllowed) }
        #expect(host.openRequests == 1)
    }

    @Test(
        "every other path ends here",
        arguments: [
            "/", "", "*", "/metrics", "/health", "/slots", "/props", "/v1/models", "/sleep", "/wake_up", "/collective_rpc", "/pause", "/tokenize",
            "/v1/load_lora_adapter", "/v1/chat/completions/", "//v1/chat/completions", "/v1/chat/completions?x=1", "/v1/chat/completions#",
            "/v1/./completions", "/v1/chat/../../sleep", "/v1/chat%2fcompletions", "/V1/completions", "/v1/completions\u{0}", "/link/v1/reports",
        ])
    func refusesOthers(path: String) {
        #expect(refusal("POST", path) == .pathNotAllowed)
        #expect(host.openRequests == 0)
    }

    @Test("places are told of this host's workers, by POST alone")
    func takesPlaces() {
        func decision(_ method: String, worker: String?) -> AgentRelay.Decision {
            relay.decide(
                LinkRequest(
                    method: method, path: LinkPath.places, contentType: nil, worker: worker, requestId: nil,
                    gateway: PeerIdentity(role: .gateway, id: UUID()), hasBody: true))
        }
        guard case .places("w") = decision("POST", worker: "w") else { return #expect(Bool(false)) }
        guard case .refuse(.unknownWorker) = decision("POST", worker: "other") else { return #expect(Bool(false)) }
        guard case .refuse(.pathNotAllowed) = decision("GET", worker: "w") else { return #expect(Bool(false)) }
        #expect(host.openRequests == 0)
    }

    @Test("only this host's accepted workers can be meant", arguments: [nil, "", "other", "refused", "r", "W"])
    func refusesWorkers(worker: String?) {
        #expect(refusal("POST", LinkPath.completions, worker: worker) == .unknownWorker)
    }

    @Test("an id that could break out of a request head is refused", arguments: [nil, "", "a b", "a\r\nx: y", String(repeating: "a", count: 65)])
    func refusesIds(id: String?) {
        #expect(refusal("POST", LinkPath.completions, requestId: id) == .pathNotAllowed)
    }

    @Test("a runtime that is not ready, and a host that drains, refuse by name")
    func refusesWhenNotServing() {
        runtime.publish(state: .unhealthy)
        #expect(refusal("POST", LinkPath.completions) == .runtimeUnreachable)
        runtime.publish(state: .ready)
        host.obey(.drain)
        #expect(refusal("POST", LinkPath.completions) == .draining)
        #expect(host.openRequests == 0)
        #expect(host.linkReport.state == .drained)
    }
}

@Suite("Whether a host takes requests")
struct ServingStateTests {
    @Test("drain finishes what runs, then is drained; resume serves again")
    func drains() {
        var state = ServingState()
        state.begin()
        state.obey(.drain)
        #expect(state.agentState == .draining)
        state.end()
        #expect(state.agentState == .drained)
        state.obey(.resume)
        #expect(state.agentState == .serving)
    }

    @Test("an operation stands until the desired state itself changes")
    func desiredStateWins() {
        var state = ServingState()
        state.desire(.serve)
        state.obey(.drain)
        state.desire(.serve)
        #expect(!state.admits)
        state.desire(.drain)
        state.desire(.serve)
        #expect(state.admits)
    }

    @Test("at the end of the program nothing brings a host back")
    func stops() {
        var state = ServingState()
        state.stop()
        state.desire(.serve)
        state.obey(.resume)
        #expect(state.agentState == .drained)
    }
}
