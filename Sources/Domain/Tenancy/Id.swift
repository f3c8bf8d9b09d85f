package import FoundationEssentials

/// An id of one kind of thing: a UUID that cannot be mistaken for the id of another kind. Text form is lower case.
package struct Id<Noun>: Hashable, Sendable, CustomStringConvertible {
    package let uuid: UUID

    package init(_ uuid: UUID) {
        self.uuid = uuid
    }

    /// Nil when the text is not a UUID. Upper case is accepted and normalised.
    package init?(_ text: some StringProtocol) {
        // Foundation takes dashes in other places too.
        guard let uuid = UUID(uuidString: String(text)), uuid.uuidString.lowercased() == text.lowercased() else { return nil }
        self.uuid = uuid
    }

    package var description: String { uuid.uuidString.lowercased() }
}

package enum TenantNoun {}
package enum KeyNoun {}
package enum ProviderNoun {}
package enum PoolNoun {}
package enum HostNoun {}
package enum WorkerNoun {}
package enum GatewayNoun {}
package enum OperationNoun {}

package typealias TenantId = Id<TenantNoun>
package typealias KeyId = Id<KeyNoun>
package typealias ProviderId = Id<ProviderNoun>
package typealias PoolId = Id<PoolNoun>
package typealias HostId = Id<HostNoun>
package typealias WorkerId = Id<WorkerNoun>
package typealias GatewayId = Id<GatewayNoun>
package typealias OperationId = Id<OperationNoun>
