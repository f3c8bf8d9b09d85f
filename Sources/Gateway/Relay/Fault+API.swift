import Domain
import OpenAIWire

extension Fault {
    /// Of an error that a customer was told.
    init(_ owner: FaultOwner) {
        switch owner {
        case .customer: self = .customer
        case .gateway: self = .gateway
        case .host: self = .host
        case .runtime: self = .runtime
        }
    }
}

extension Outcome {
    /// Of a request that was refused before it was admitted.
    init(_ owner: FaultOwner) {
        self = owner == .customer ? .clientError : .serverError
    }
}
