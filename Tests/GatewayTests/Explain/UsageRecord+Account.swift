import Cryptography
import Domain
import PlimsollWire

extension UsageRecord {
    /// How it was routed, by the names that the fixture gives to workers and hosts.
    var account: RoutingAccount? {
        let names = (0..<64).map {
            (WorkerMark(of: "worker-\($0)"), RoutingAccount.WorkerName(id: "worker-\($0)", host: "host-\($0)"))
        }
        return trace.map { RoutingAccount($0, names: Dictionary(uniqueKeysWithValues: names)) }
    }

    var trace: RoutingTrace? { routing.flatMap { Base64.decode($0) }.flatMap { RoutingTrace(packed: $0) } }
}
