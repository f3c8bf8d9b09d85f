package import Cryptography

/// One leaf of the public log: that something of a tenant's month was fixed, without saying whose.
package struct PublicLogEntry: Sendable, Equatable {
    package enum Fact: Sendable, Equatable {
        /// The tenant's tree had so many leaves and this root.
        case root(size: Int, SHA256Digest)
        /// A credit was computed; hash of its line in the bundle.
        case credit(SHA256Digest)
        /// A minute was reported late; hash of its correction's line in the bundle.
        case correction(SHA256Digest)
    }

    package let tag: SHA256Digest
    package let month: BillingPeriod
    package let fact: Fact

    package init(tag: SHA256Digest, month: BillingPeriod, fact: Fact) {
        self.tag = tag
        self.month = month
        self.fact = fact
    }

    /// What stands for a tenant's month in public. Who does not know the salt cannot tell whose it is, nor link two months.
    package static func tag(tenant: String, month: BillingPeriod, salt: [UInt8]) -> SHA256Digest {
        let code = MAC.hmacSHA256(key: salt, Array("plimsoll evidence v1|\(tenant)|\(month)".utf8))
        guard let tag = SHA256Digest(bytes: code) else { preconditionFailure("HMAC-SHA-256 has 32 bytes") }
        return tag
    }

    package var text: String {
        switch fact {
        case .root(let size, let root): "v1|root|\(month)|\(tag)|\(size)|\(root)"
        case .credit(let digest): "v1|credit|\(month)|\(tag)|\(digest)"
        case .correction(let digest): "v1|correction|\(month)|\(tag)|\(digest)"
        }
    }

    package var hash: SHA256Digest { MerkleTree.leafHash(text.utf8) }
}
